"""BAIR robot pushing."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveInt

from rvd.datasets.download.config import DownloadedDatasetConfig, PixelSize


class BairConfig(DownloadedDatasetConfig):
    """BAIR robot pushing (Ebert et al. 2017): each record is a video.

    ``camera`` is the feature that is read, ``stored`` its size (width, height) in the records,
    ``frames`` their number. ``validation`` videos, the last of the training files, become the
    split that the archive lacks. ``videos`` are those of the archive: another number is an error.
    """

    reader: Literal["bair"]
    channels: Literal[1, 3] = 3
    camera: Literal["image_aux1", "image_main"] = "image_aux1"
    stored: PixelSize = (64, 64)
    frames: PositiveInt = 30
    validation: PositiveInt = 256
    videos: dict[Literal["train", "test"], PositiveInt] | None = None

    def shortest(self, split: str) -> int | None:
        """Every video has the same number of frames."""
        return self.frames
