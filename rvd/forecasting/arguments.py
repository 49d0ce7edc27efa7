"""Arguments of the public functions: converted where they are unambiguous, else refused."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from rvd.errors import UserError

# Resampling in floating point leaves [0, 1] by rounding.
ROUNDING = 1e-4


def at_least(least: int, **numbers: Any) -> None:
    """Check that each of ``numbers``, given by name, is a whole number of at least ``least``.

    Raises:
        UserError: A number is not; the message names the first.
    """
    for name, value in numbers.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise UserError(f"{name}: must be a whole number of at least {least} (given {value!r})")


def as_frames(
    video: NDArray[Any] | Tensor, size: int, channels: int
) -> Float[NDArray[np.float32], "frame size size channel"]:
    """Return frames in [0, 1], float32, channels last.

    Args:
        video: Array or tensor of (frame, size, size, channel), of (frame, channel, size, size), or,
            for one channel, of (frame, size, size); uint8 in 0…255, or floating point in [0, 1].
        size: Height and width that a frame must have.
        channels: Number of channels that a frame must have.

    Raises:
        UserError: The video has another shape, type or range; the message says what is expected.
    """
    frames = video.detach().cpu() if isinstance(video, Tensor) else video
    if isinstance(frames, Tensor) and frames.dtype == torch.bfloat16:
        frames = frames.float()  # which NumPy does not have
    if not isinstance(frames, np.ndarray | Tensor):
        raise UserError(f"video: must be an array or a tensor, not {type(video).__name__}")
    return _in_range(_channels_last(np.asarray(frames), size, channels))


def _channels_last(frames: NDArray[Any], size: int, channels: int) -> NDArray[Any]:
    shape = frames.shape
    if shape[1:] == (size, size, channels):
        return frames
    if shape[1:] == (channels, size, size):
        return np.moveaxis(frames, 1, -1)
    if shape[1:] == (size, size) and channels == 1:
        return frames[..., None]
    raise UserError(
        f"the video's frames (height, width, channels) are {shape[1:]}; the model takes "
        f"{(size, size, channels)}"
    )


def _in_range(frames: NDArray[Any]) -> NDArray[np.float32]:
    if frames.dtype == np.uint8:
        return np.divide(frames, 255, dtype=np.float32)
    if frames.dtype.kind != "f":
        raise UserError(
            f"the video has values of type {frames.dtype}; they must be uint8 in 0…255, or "
            "floating point in [0, 1]"
        )
    if not np.isfinite(frames).all():
        raise UserError("the video has values that are not finite")
    low, high = (float(frames.min()), float(frames.max())) if frames.size else (0.0, 1.0)
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise UserError(
            f"the video has values from {low:g} to {high:g}; floating-point frames have values in "
            "[0, 1] (uint8 frames in 0…255)"
        )
    return frames.clip(0, 1).astype(np.float32)
