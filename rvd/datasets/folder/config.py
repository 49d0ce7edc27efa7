"""The config section of a folder of the user's own videos."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from rvd.config.section import Section
from rvd.datasets.base import Resize, VideoDatasetConfig

Share = Annotated[float, Field(gt=0, lt=1)]
Crop = Literal["center", "none"] | tuple[NonNegativeInt, NonNegativeInt, PositiveInt, PositiveInt]
CutFilms = Literal["refuse", "drop"]


class SharesConfig(Section):
    """The fractions of the videos in each split, with `split: hash`; the rest is trained on."""

    val: Share = 0.1
    """Fraction of the videos for validation."""
    test: Share = 0.1
    """Fraction of the videos for the test."""

    @model_validator(mode="after")
    def _some_are_left(self) -> Self:
        if self.val + self.test >= 1:
            raise ValueError(f"val and test: {self.val} + {self.test} leaves none to train on")
        return self


class FolderConfig(VideoDatasetConfig):
    """Films, GIFs and folders of pictures, each of which is a video."""

    reader: Literal["folder"]
    """Films, GIFs, or folders of pictures."""
    path: str
    """Folder of the videos."""
    channels: Literal[1, 3] = 3
    """1 (converted to grey) or 3 (colour)."""
    split: Literal["folders", "hash"] = "hash"
    """Source of each video's split: `folders` (the sub-folders `train`, `val` and `test`) or `hash`
    (a hash of the video's name)."""
    shares: SharesConfig = SharesConfig()
    """Fractions of the videos in each split, with `split: hash`."""
    crop: Crop = "center"
    """Part of a frame that is used: `center` (the largest square), `none` (the whole frame,
    stretched to a square), or [left, top, width, height] in pixels."""
    stride: PositiveInt = 1
    """Number of frames of which the first is kept: 2 keeps every second frame."""
    resize: Resize = "area"
    """Interpolation to `size`: `area` (mean over the area of a pixel), `linear`, `cubic`, `lanczos`
    or `nearest`."""
    cut_films: CutFilms = "refuse"
    """Treatment of films that are cut short: `refuse` (the conversion stops), or `drop` (the last
    group of frames, which may be damaged, is left out, and the log says so)."""

    @model_serializer(mode="wrap")
    def _without_the_usual_cut_films(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Conversions from before the key stay as they are.
        values: dict[str, Any] = dump(self)
        if values.get("cut_films") == "refuse":
            del values["cut_films"]
        return values

    def local_files(self) -> tuple[str, ...]:
        """Return the folder."""
        return (self.path,)

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
