"""What every dataset says, whatever its videos are made from."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import PositiveFloat, PositiveInt

from rvd.config.section import Section

SPLITS = ("train", "val", "test")

Augmentation = Literal["none", "mirror", "mirror-antisymmetric"]
Resize = Literal["area", "linear", "cubic", "lanczos", "nearest"]


class VideoDatasetConfig(Section):
    """Keys of every dataset: the shape of its frames and what is forecast.

    ``consecutive_items`` says that an item of the authors' loader is a position in a run, not a
    video: then ``evaluation.clips_from: authors`` takes neighbouring positions.
    """

    consecutive_items: ClassVar[bool] = False

    reader: str
    size: PositiveInt
    channels: Literal[1, 3]
    horizon: PositiveInt = 16
    frame_rate: PositiveFloat = 10.0
    augmentation: Augmentation = "none"
    source: str = ""
    licence: str = ""

    def shortest(self, split: str) -> int | None:
        """Frames of the shortest video of ``split``; None where only the videos themselves say."""
        return None

    def authors_clips(self, length: int) -> int | None:
        """Test clips that ``evaluation.clips_from: authors`` can take; None where not known yet."""
        return None
