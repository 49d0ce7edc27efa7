"""The shape of clips from other programs, and the order of their axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rvd.errors import UserError

# Resampling in floating point leaves [0, 1] by rounding.
ROUNDING = 1e-3
# A function that reorders the axes of one clip to (member, frame, height, width, channel).
Reorder = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class ClipFormat:
    """The shape of each clip.

    Attributes:
        frames: Number of frames.
        frame: Height, width and channels of a frame.
    """

    frames: int
    frame: tuple[int, int, int]

    def words(self, clips: int | str = "clip", members: int | str = "member") -> str:
        """Return the expected shape of an array in words."""
        height, width, channels = self.frame
        shape = f"({clips}, {members}, {self.frames}, {height}, {width}, {channels})"
        return f"(clip, member, frame, height, width, channel) = {shape}"


def format_of_videos(shape: tuple[int, ...]) -> ClipFormat | None:
    """Return the format of the clips of an array, or None if it is no such array.

    Args:
        shape: Shape (clip, frame, height, width, channel), (clip, frame, channel, height, width),
            or, of grey videos, (clip, frame, height, width); the first two also with a member axis
            after the first.
    """
    if len(shape) == 6:
        shape = (shape[0], *shape[2:])
    if len(shape) == 4:
        return ClipFormat(shape[1], (shape[2], shape[3], 1))
    if len(shape) == 5 and shape[4] in (1, 3):
        return ClipFormat(shape[1], (shape[2], shape[3], shape[4]))
    if len(shape) == 5 and shape[2] in (1, 3):
        return ClipFormat(shape[1], (shape[3], shape[4], shape[2]))
    return None


def reorder(shape: tuple[int, ...], expected: ClipFormat) -> Reorder | None:
    """Return the function that reorders the axes of one clip of an array, or None.

    The member axis may be missing, channels may come before height and width, and grey frames need
    no channel axis.

    Args:
        shape: Shape of one clip.
        expected: Expected format.
    """
    frames, (height, width, channels) = expected.frames, expected.frame
    layouts: dict[tuple[int, ...], Reorder] = {
        (frames, height, width, channels): _as_it_is,
        (frames, channels, height, width): _channels_last,
    }
    if channels == 1:
        layouts[frames, height, width] = _with_channel
    if shape[1:] in layouts:
        return layouts[shape[1:]]
    if shape in layouts:
        single = layouts[shape]
        return lambda clip: single(clip)[None]
    return None


def _as_it_is(clip: NDArray[Any]) -> NDArray[Any]:
    return clip


def _channels_last(clip: NDArray[Any]) -> NDArray[Any]:
    return np.moveaxis(clip, -3, -1)


def _with_channel(clip: NDArray[Any]) -> NDArray[Any]:
    return clip[..., None]


def in_range(clip: NDArray[Any], where: str) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Return frames as they are stored: uint8, or float32 in [0, 1].

    Args:
        clip: Frames of any shape.
        where: File and clip, for messages.

    Raises:
        UserError: The values have another type, are not finite, or lie outside [0, 1].
    """
    if clip.dtype == np.uint8:
        return np.ascontiguousarray(clip)
    if clip.dtype.kind != "f":
        raise UserError(
            f"{where} has values of type {clip.dtype}, expected uint8 in 0…255 or floats in [0, 1]"
        )
    if not np.isfinite(clip).all():
        raise UserError(f"{where} has values that are not finite")
    low, high = float(clip.min()), float(clip.max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise UserError(
            f"{where} has values from {low:g} to {high:g}, expected floats in [0, 1] "
            "(or uint8 in 0…255)"
        )
    return np.ascontiguousarray(clip.clip(0, 1), dtype=np.float32)
