"""Forecasts that were made elsewhere, in place of a model's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from rvd.datasets.external.clips import Clips, open_clips
from rvd.datasets.external.format import ClipFormat
from rvd.errors import UserError
from rvd.models.base import Forecast, Video, VideoPredictor, repeated
from rvd.models.entry import ForecastSource, ForecastTask
from rvd.models.noise import NoiseSource
from rvd.models.stored.config import StoredConfig
from rvd.models.stored.origin import require_clips_of
from rvd.video.ranges import stored_to_unit


class StoredForecasts(VideoPredictor):
    """Forecasts of the test clips, by their number.

    Args:
        config: Section of the config.
        size: Height and width of a frame, in pixels.
        channels: Number of channels of a frame.
        clips: Forecasts of all test clips.
        numbers: Numbers of the clips of the next call.
    """

    def __init__(
        self,
        config: StoredConfig,
        size: int,
        channels: int,
        clips: Clips,
        numbers: Sequence[int] = (),
    ) -> None:
        super().__init__(config, size, channels)
        self.clips, self.numbers = clips, numbers

    @property
    def digest(self) -> str:
        """The digest of the forecasts."""
        return self.clips.digest()

    def for_clips(self, numbers: Sequence[int]) -> StoredForecasts:
        """Return the forecasts of the test clips ``numbers``."""
        assert isinstance(self.config, StoredConfig)
        return StoredForecasts(self.config, self.size, self.channels, self.clips, numbers)

    def predict(self, context: Video, horizon: int, ensemble: int, noise: NoiseSource) -> Forecast:
        """Return the stored forecasts; a single one is repeated. ``noise`` is not used."""
        stored = np.stack([stored_to_unit(self.clips.read(number)) for number in self.numbers])
        found = torch.from_numpy(stored).movedim(-1, 3)
        return repeated(found[:, 0], ensemble) if self.clips.members == 1 else found


def open_stored(config: StoredConfig, source: ForecastSource) -> StoredForecasts:
    """Return the forecasts of ``source`` or ``config``, all of which are read and checked first.

    Raises:
        UserError: There are none, or their shape, number or values are wrong, or they are of other
            clips.
    """
    given = source.stored or config.path
    if source.task is None or isinstance(given, dict):
        raise UserError(f"model '{source.name}' has forecasts of its test clips only")
    path, task = Path(given), source.task()
    _, _, channels, height, width = task.context.shape
    form = ClipFormat(task.horizon, (height, width, channels))
    clips = open_clips(path, form)
    _require_number(path, clips, form, task)
    require_clips_of(path, task)
    for number in range(len(clips)):
        clips.read(number)
    return StoredForecasts(config, height, channels, clips)


def _require_number(path: Path, clips: Clips, form: ClipFormat, task: ForecastTask) -> None:
    """Refuse another number of clips or members than the evaluation has."""
    wanted = len(task.context)
    expected = form.words(wanted, task.ensemble)
    if len(clips) != wanted:
        raise UserError(f"{path}: has {len(clips)} clips, not {wanted}; expected {expected}")
    if clips.members not in (1, task.ensemble):
        raise UserError(
            f"{path}: has {clips.members} members of each clip, not the {task.ensemble} of "
            f"evaluation.ensemble (or 1, which is repeated); expected {expected}"
        )
