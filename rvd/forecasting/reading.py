"""Videos of one's own, read as a model takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jaxtyping import UInt8
from numpy.typing import NDArray

from rvd.datasets.folder.config import Crop
from rvd.datasets.folder.reader import read_frames
from rvd.datasets.reading.frames import DecodingError
from rvd.errors import UserError
from rvd.forecasting.arguments import at_least


def read_video(
    path: Path | str, size: int, channels: int, crop: Crop = "center", stride: int = 1
) -> UInt8[NDArray[Any], "frame size size channel"]:
    """Read a video, a GIF or a folder of images as a model takes them.

    Args:
        path: Path of the video file, or of the folder.
        size: Height and width of the model's frames.
        channels: 1 (grey) or 3 (RGB).
        crop: ``center`` (the largest square), ``none`` (the whole frame, stretched to a square), or
            (left, top, width, height) in pixels.
        stride: Interval in frames between those that are kept.

    Returns:
        Frames in 0…255.

    Raises:
        UserError: The video is missing or cannot be read, its frames differ in size, or an argument
            is not one of those above.
    """
    at_least(1, size=size, stride=stride)
    if channels not in (1, 3):
        raise UserError(f"channels: must be 1 (grey) or 3 (given {channels!r})")
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder")
    try:
        return read_frames(path, size, channels, crop, stride)
    except DecodingError as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
