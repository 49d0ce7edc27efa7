"""From stored frames to pictures in colour."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

# Signed values: dark blue – white – orange. Orange is lighter than blue, so that the sign survives
# printing in grey, and the two differ for every kind of colour-blindness.
SIGNED_MAP = LinearSegmentedColormap.from_list(
    "rvd-signed",
    ["#08264f", "#1f5a9d", "#79a9d3", "#f7f6f4", "#f8c27c", "#ee8a1d", "#c95c00"],
)

# Errors: darker is worse (Figure 4).
ERROR_MAP = LinearSegmentedColormap.from_list(
    "rvd-error", ["#fbfcfe", "#cfe1f2", "#7fb3d8", "#2f7ab9", "#0d4a8f", "#06223f"]
)


def stored_to_unit(frames: NDArray[Any]) -> NDArray[np.float32]:
    """Stored frames (uint8, or floats in [0, 1]) as float32 in [0, 1]; the shape stays."""
    if frames.dtype == np.uint8:
        return frames.astype(np.float32) / np.float32(255)
    return np.clip(frames, 0, 1).astype(np.float32)


def to_picture(frames: NDArray[Any], signed: bool) -> Picture:
    """Stored frames (..., height, width, channel) as RGB (..., height, width, 3), uint8.

    ``signed`` frames of one channel, in which mid-grey is zero, get the diverging map.
    """
    if frames.shape[-1] == 1 and signed:
        return (255 * SIGNED_MAP(stored_to_unit(frames)[..., 0])[..., :3]).round().astype(np.uint8)
    levels = (255 * stored_to_unit(frames)).round().astype(np.uint8)
    return np.repeat(levels, 3, axis=-1) if frames.shape[-1] == 1 else levels


def error_picture(errors: NDArray[Any], greatest: float) -> Picture:
    """Errors (..., height, width) from 0 to ``greatest`` as RGB (..., height, width, 3), uint8."""
    scaled = np.clip(errors / max(greatest, 1e-12), 0, 1)
    return (255 * ERROR_MAP(scaled)[..., :3]).round().astype(np.uint8)
