"""The config section of Cityscapes."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from rvd.datasets.download.config import DownloadedDatasetConfig, OfficialSplit, PixelSize


class CityscapesConfig(DownloadedDatasetConfig):
    """Cityscapes (Cordts et al. 2016): each snippet of consecutive frames is a video."""

    reader: Literal["cityscapes"]
    """A zip of PNG pictures."""
    channels: Literal[1, 3] = 3
    """1 (converted to grey) or 3 (colour)."""
    stored: PixelSize = (2048, 1024)
    """[width, height] of the archive's pictures, in pixels; their largest central square is used
    (section 3.1)."""
    frames: PositiveInt = 30
    """Frames per snippet (section 3.1)."""
    splits: dict[OfficialSplit, OfficialSplit] = Field(
        default={"train": "train", "val": "test", "test": "val"}
    )
    """Split of the video file → split of the archive. Testing on the public validation videos is
    our choice."""
    videos: dict[OfficialSplit, PositiveInt] | None = None
    """Number of snippets in the archive's `train`, `val` and `test`; another number is an error.
    Null for any."""

    @model_validator(mode="after")
    def _every_split_once(self) -> Self:
        if len(self.splits) != 3 or len(set(self.splits.values())) != 3:
            raise ValueError("splits: train, val and test each need one of train, val and test")
        return self

    def shortest(self, split: str) -> int | None:
        """Return the frames per snippet, which are the same for all."""
        return self.frames
