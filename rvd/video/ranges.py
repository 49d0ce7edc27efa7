"""Value ranges of stored frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


@overload
def stored_to_unit(frames: NDArray[Any]) -> NDArray[np.float32]: ...


@overload
def stored_to_unit(frames: Tensor) -> Tensor: ...


def stored_to_unit(frames: NDArray[Any] | Tensor) -> NDArray[np.float32] | Tensor:
    """Convert stored frames (uint8, or floats in [0, 1]) to float32 in [0, 1].

    Args:
        frames: Array or tensor of any shape. Floats of an array are clipped to [0, 1] and converted
            to float32; a tensor of floats is returned as it is.
    """
    if not isinstance(frames, np.ndarray):
        return frames if frames.is_floating_point() else frames.float() / 255
    if frames.dtype == np.uint8:
        return frames.astype(np.float32) / np.float32(255)
    return np.clip(frames, 0, 1).astype(np.float32)
