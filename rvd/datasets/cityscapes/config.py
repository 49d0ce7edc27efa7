"""Cityscapes."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from rvd.datasets.download.config import DownloadedDatasetConfig, OfficialSplit, PixelSize


class CityscapesConfig(DownloadedDatasetConfig):
    """Cityscapes (Cordts et al. 2016): each snippet of consecutive frames is a video.

    ``stored`` is the size (width, height) of the archive's pictures, ``frames`` the length of a
    snippet, ``splits`` which of the archive's splits each of ours is, and ``videos`` how many
    snippets the archive's splits hold: another number is an error.
    """

    reader: Literal["cityscapes"]
    channels: Literal[1, 3] = 3
    stored: PixelSize = (2048, 1024)
    frames: PositiveInt = 30
    splits: dict[OfficialSplit, OfficialSplit] = Field(
        default={"train": "train", "val": "test", "test": "val"}
    )
    videos: dict[OfficialSplit, PositiveInt] | None = None

    @model_validator(mode="after")
    def _every_split_once(self) -> Self:
        if len(self.splits) != 3 or len(set(self.splits.values())) != 3:
            raise ValueError("splits: train, val and test each need one of train, val and test")
        return self

    def shortest(self, split: str) -> int | None:
        """Every snippet has the same number of frames."""
        return self.frames
