"""Pictures of forecasts of validation videos, to watch a training by."""

from __future__ import annotations

from pathlib import Path

import torch

from rvd.errors import UserError
from rvd.models.base import VideoPredictor
from rvd.models.noise import seeded_noise
from rvd.training.journal import Journal
from rvd.video.clips import fixed_clips, read_clip, stored_to_unit
from rvd.video.export import comparison, write_picture
from rvd.video.file import VideoFile

CLIPS, MEMBERS, HORIZON = 2, 2, 8


class Validation:
    """Forecasts of two validation clips, two members each, beside what happened.

    Args:
        videos: an open video file.
        context: frames that are given.
        folder: of the pictures, ``step-<step>.png``.
    """

    def __init__(self, videos: VideoFile, context: int, folder: Path) -> None:
        split = videos.splits["val"]
        longest = int((split.first_frame[1:] - split.first_frame[:-1]).max())
        self.horizon = min(HORIZON, longest - context)
        if self.horizon < 1:
            raise UserError(
                f"{videos.path}: its validation videos have {longest} frames at most, too few to "
                f"forecast from {context}"
            )
        chosen = fixed_clips(split, context + self.horizon, CLIPS)
        length = context + self.horizon
        self.clips = torch.stack(
            [
                stored_to_unit(torch.from_numpy(read_clip(split, clip.position, length)))
                for clip in chosen
            ]
        )
        self.context, self.folder, self.signed = context, folder, videos.info.signed

    def show(self, predictor: VideoPredictor, step: int, journal: Journal) -> None:
        """Forecast, and keep the picture; the training's own randomness is left untouched."""
        device = next(predictor.parameters()).device
        draw = seeded_noise(range(len(self.clips)), device)
        was_training = predictor.training
        predictor.eval()
        context = self.clips[:, : self.context].to(device)
        forecast = predictor.predict(context, self.horizon, MEMBERS, draw).cpu()
        predictor.train(was_training)
        picture = comparison(self.clips, forecast, self.signed)
        write_picture(self.folder / f"step-{step:08d}.png", picture)
        journal.show(step, "validation", picture)
