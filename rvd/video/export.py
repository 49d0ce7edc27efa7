"""Videos as PNG pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from rvd.errors import UserError
from rvd.files import atomic_write
from rvd.video.pictures import to_picture

GAP = 2


def comparison(
    clips: Float[Tensor, "clip frame channel h w"],
    forecast: Float[Tensor, "clip member future channel h w"],
    signed: bool,
) -> NDArray[np.uint8]:
    """Draw each clip in one row and each member of its forecast in a row below it.

    Members are aligned with the frames that they forecast.

    Args:
        clips: Clips in [0, 1].
        forecast: Forecasts of the last frames in [0, 1].
        signed: If True, mid-grey means zero.

    Returns:
        Picture (height, width, 3), uint8.
    """
    rows = []
    known = clips.shape[1] - forecast.shape[2]
    for clip, members in zip(clips, forecast, strict=True):
        rows.append(_row(clip, signed))
        for member in members:
            row = _row(member, signed)
            blank = np.full((row.shape[0], rows[-1].shape[1] - row.shape[1], 3), 255, np.uint8)
            assert blank.shape[1] == known * (clip.shape[-1] + GAP)
            rows.append(np.concatenate([blank, row], 1))
    return np.concatenate(rows, 0)


def _row(frames: Float[Tensor, "frame channel h w"], signed: bool) -> NDArray[np.uint8]:
    """Draw frames side by side, with a white gap after and below each."""
    pictures = to_picture(frames.permute(0, 2, 3, 1).numpy(), signed)
    padded = np.pad(pictures, ((0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=255)
    return np.concatenate(list(padded), 1)


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write an RGB picture (height, width, 3) as PNG.

    Raises:
        UserError: The picture cannot be written.
    """
    encoded, data = cv2.imencode(".png", picture[..., ::-1])
    if not encoded:
        raise UserError(f"{path}: the picture cannot be encoded")
    with atomic_write(path) as partial:
        partial.write_bytes(data.tobytes())
