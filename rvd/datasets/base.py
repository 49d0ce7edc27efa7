"""The base class of the config sections of all datasets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import PositiveFloat, PositiveInt

from rvd.config.section import Section

SPLITS = ("train", "val", "test")

Augmentation = Literal["none", "mirror", "mirror-antisymmetric"]
Resize = Literal["area", "linear", "cubic", "lanczos", "nearest"]


class VideoDatasetConfig(Section):
    """The shape of a dataset's frames, and the part of its videos that is forecast."""

    # True where an item of the authors' loader is a position in a run instead of a video:
    # `evaluation.clips_from: authors` then takes neighbouring positions.
    consecutive_items: ClassVar[bool] = False

    # Declared as a Literal by each subclass. A field here would come first in the JSON of all
    # sections, and so change the texts that Snakemake compares for reruns.
    if TYPE_CHECKING:
        reader: str
    size: PositiveInt
    """Height and width of a frame, in pixels (section 3.1)."""
    channels: Literal[1, 3]
    """1 (grey, or vorticity) or 3 (colour)."""
    horizon: PositiveInt = 16
    """Future frames that are forecast (section 3.2; 12 on KTH, figure 9)."""
    frame_rate: PositiveFloat = 10.0
    """Frame rate of playback, in frames per second."""
    augmentation: Augmentation = "none"
    """Transformation of half of the training clips: `none` (section 3.1 mentions none), `mirror`
    (left–right), or `mirror-antisymmetric` (up–down with the sign changed, the symmetry of
    vorticity)."""
    source: str = ""
    """Origin of the videos, as text that is stored in the video file."""
    licence: str = ""
    """Licence of the videos, as text that is stored in the video file."""

    def local_files(self) -> Sequence[str]:
        """Return the files or folders of this machine that the videos are read from.

        None for a dataset that is simulated or downloaded, whose files the workflow makes.
        """
        return ()

    def shortest(self, split: str) -> int | None:
        """Return the frames of the shortest video of ``split``, or None where it is not known yet.

        Args:
            split: One of `SPLITS`.
        """
        return None

    def authors_clips(self, length: int) -> int | None:
        """Return the number of test clips that ``evaluation.clips_from: authors`` can take.

        Args:
            length: Frames of a clip, context and future together.

        Returns:
            The number, or None where it is not known yet.
        """
        return None
