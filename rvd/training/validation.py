"""Pictures of forecasts of validation videos, to monitor a training."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from rvd.errors import UserError
from rvd.forecasting.clips import forecast_clips, read_clips
from rvd.models.base import VideoPredictor
from rvd.training.journal import Journal
from rvd.training.records.board import picture_path, remove_pictures
from rvd.video.clips import fixed_clips
from rvd.video.export import comparison, write_picture
from rvd.video.file import VideoFile
from rvd.video.ranges import stored_to_unit

CLIPS, MEMBERS, HORIZON = 2, 2, 8


class Validation:
    """Forecasts of two validation clips, two members each, next to the true frames.

    Args:
        videos: Open video file.
        context: Number of frames given to the model.
        folder: Folder of the pictures, ``step-<step>.png``.
        kept_every: Steps from picture to picture that is kept when newer ones exist.

    Raises:
        UserError: The validation videos are too short.
    """

    def __init__(self, videos: VideoFile, context: int, folder: Path, kept_every: int) -> None:
        split = videos.splits["val"]
        longest = int((split.first_frame[1:] - split.first_frame[:-1]).max())
        self.horizon = min(HORIZON, longest - context)
        if self.horizon < 1:
            raise UserError(
                f"{videos.path}: its validation videos have {longest} frames at most, too few to "
                f"forecast from {context}"
            )
        length = context + self.horizon
        clips = fixed_clips(split, length, CLIPS)
        self.clips = stored_to_unit(torch.from_numpy(read_clips(split, clips, length)))
        self.context, self.folder, self.signed = context, folder, videos.info.signed
        self.kept_every = kept_every

    def show(
        self, predictor: VideoPredictor, step: int, journal: Journal, *, last: bool = False
    ) -> None:
        """Forecast, and write the picture to a file and, unless it is soon removed, to the journal.

        Of the pictures before, those between multiples of ``kept_every`` are removed.

        The random state of the training is left untouched. A forecast that is not finite is shown
        as it is, because it need not last: the losses decide whether the training stops.
        """
        device = next(predictor.parameters()).device
        was_training = predictor.training
        predictor.eval()
        known, seeds = self.clips[:, : self.context], range(len(self.clips))
        options = predictor.preview_options()
        forecast = forecast_clips(
            predictor, known, self.horizon, MEMBERS, seeds, device, check_finite=False, **options
        )
        predictor.train(was_training)
        picture = comparison(self.clips, forecast, self.signed)
        try:
            write_picture(picture_path(self.folder, step), picture)
            remove_pictures(self.folder, self.kept_every)
        except UserError as error:
            print(f"{error}; the training continues without this picture", file=sys.stderr)
        if last or step % self.kept_every == 0:
            journal.show(step, "validation", picture)
