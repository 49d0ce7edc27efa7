"""The config section of BAIR robot pushing."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveInt

from rvd.datasets.download.config import DownloadedDatasetConfig, PixelSize


class BairConfig(DownloadedDatasetConfig):
    """BAIR robot pushing (Ebert et al. 2017): each record is a video."""

    reader: Literal["bair"]
    """A tar of TFRecord files."""
    channels: Literal[1, 3] = 3
    """1 (converted to grey) or 3 (colour)."""
    camera: Literal["image_aux1", "image_main"] = "image_aux1"
    """Camera that is read; `image_aux1` is the one used throughout the literature."""
    stored: PixelSize = (64, 64)
    """[width, height] of the pictures in the records, in pixels."""
    frames: PositiveInt = 30
    """Frames per record."""
    validation: PositiveInt = 256
    """Number of the last training videos that become `val`, a split that the archive lacks (our
    choice)."""
    videos: dict[Literal["train", "test"], PositiveInt] | None = None
    """Number of videos in the archive's `train` and `test`; another number is an error. Null for
    any."""

    def shortest(self, split: str) -> int | None:
        """Return the frames per video, which are the same for all."""
        return self.frames
