"""A user's own videos."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from rvd.config.section import Section
from rvd.datasets.base import Resize, VideoDatasetConfig

Share = Annotated[float, Field(gt=0, lt=1)]


Crop = Literal["center", "none"] | tuple[NonNegativeInt, NonNegativeInt, PositiveInt, PositiveInt]


class SharesConfig(Section):
    """The part of the videos, drawn by a hash of their names, that each split gets."""

    val: Share = 0.1
    test: Share = 0.1

    @model_validator(mode="after")
    def _some_are_left(self) -> Self:
        if self.val + self.test >= 1:
            raise ValueError(f"val and test: {self.val} + {self.test} leaves none to train on")
        return self


class FolderConfig(VideoDatasetConfig):
    """Films, GIFs and folders of pictures below ``path``.

    ``split`` takes each video's split from the sub-folders ``train``, ``val``, ``test``, or from a
    hash of its name. ``crop`` is ``center`` (the largest square), ``none`` (the whole frame,
    stretched), or (left, top, width, height) in pixels. Of the frames every ``stride``-th is kept.
    """

    reader: Literal["folder"]
    path: str
    channels: Literal[1, 3] = 3
    split: Literal["folders", "hash"] = "hash"
    shares: SharesConfig = SharesConfig()
    crop: Crop = "center"
    stride: PositiveInt = 1
    resize: Resize = "area"

    @field_validator("crop", mode="before")
    @classmethod
    def _one_message_for_the_union(cls, value: Any) -> Any:
        if value not in ("center", "none") and not (
            isinstance(value, list | tuple)
            and len(value) == 4
            and all(isinstance(number, int) and number >= 0 for number in value)
            and min(value[2:]) > 0
        ):
            raise ValueError("is neither center, nor none, nor [left, top, width, height]")
        return value
