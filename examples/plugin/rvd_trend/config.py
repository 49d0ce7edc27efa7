"""The sections of the config."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from rvd.config.trained import TrainedModelConfig
from rvd.datasets.base import VideoDatasetConfig


class TrendConfig(TrainedModelConfig):
    """Next frames by a small network, with learned Gaussian noise in each pixel."""

    kind: Literal["trend"]
    """Small network with Gaussian noise."""
    width: PositiveInt = 16
    """Channels of the hidden layers."""
    deviation: PositiveFloat = 0.05
    """Standard deviation of the noise before training, of frames in [0, 1]."""

    def why_not_context(self, context: int) -> str | None:
        """Return the reason why the model cannot forecast from ``context`` frames, or None."""
        return "evaluation.context: at least 2 frames are needed" if context < 2 else None


class ArraysConfig(VideoDatasetConfig):
    """Videos in NumPy files, ``<path>/<split>/<name>.npy``."""

    reader: Literal["arrays"]
    """NumPy files of uint8, (frame, height, width, channel)."""
    path: str
    """Folder with the sub-folders `train`, `val` and `test`."""

    def local_files(self) -> tuple[str, ...]:
        """Return the folder, so that the workflow converts again when a file in it changes."""
        return (self.path,)
