"""Conversion of stored frames to RGB pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray

from rvd.video.ranges import stored_to_unit

Picture = NDArray[np.uint8]

# Signed values: dark blue – white – orange. Orange is lighter than blue, so the sign is visible in
# greyscale print, and the two can be told apart with every kind of colour blindness.
SIGNED_MAP = LinearSegmentedColormap.from_list(
    "rvd-signed",
    ["#08264f", "#1f5a9d", "#79a9d3", "#f7f6f4", "#f8c27c", "#ee8a1d", "#c95c00"],
)

# Errors: darker is worse (Figure 4).
ERROR_MAP = LinearSegmentedColormap.from_list(
    "rvd-error", ["#fbfcfe", "#cfe1f2", "#7fb3d8", "#2f7ab9", "#0d4a8f", "#06223f"]
)


def to_picture(frames: NDArray[Any], signed: bool) -> Picture:
    """Convert stored frames (..., height, width, channel) to RGB (..., height, width, 3), uint8.

    Args:
        frames: Frames, uint8 or floats in [0, 1].
        signed: If True, mid-grey means zero, and frames of one channel get the diverging map.
    """
    if frames.shape[-1] == 1 and signed:
        return (255 * SIGNED_MAP(stored_to_unit(frames)[..., 0])[..., :3]).round().astype(np.uint8)
    levels = (255 * stored_to_unit(frames)).round().astype(np.uint8)
    return np.repeat(levels, 3, axis=-1) if frames.shape[-1] == 1 else levels


def error_picture(errors: NDArray[Any], greatest: float) -> Picture:
    """Convert errors in [0, ``greatest``] (..., height, width) to RGB (..., height, width, 3)."""
    scaled = np.clip(errors / max(greatest, 1e-12), 0, 1)
    return (255 * ERROR_MAP(scaled)[..., :3]).round().astype(np.uint8)
