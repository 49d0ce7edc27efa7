"""Single frames: decode, crop, resize, grey or colour."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from rvd.config.video_dataset import Resize

Picture = NDArray[np.uint8]
Crop = tuple[int, int, int, int]

INTERPOLATION: dict[Resize, int] = {
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
    "nearest": cv2.INTER_NEAREST,
}

# A film may be a list of addresses; none is followed.
LOCAL = {"protocol_whitelist": "file"}

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"


class Unreadable(Exception):  # noqa: N818 (each reader says which video it is, and may go on)
    """A video or picture cannot be decoded; the message says why, not which."""


class EndsEarly(Unreadable):
    """A film ended ``missing`` frames before the end that it announces."""

    def __init__(self, count: int, announced: int) -> None:
        super().__init__(f"it ends after {count} of {announced} frames")
        self.missing = announced - count


def central_square(width: int, height: int) -> Crop:
    """The largest central square of a frame, as (left, top, width, height)."""
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side, side


def fitted(frame: Picture, crop: Crop | None, size: int, resize: Resize) -> Picture:
    """A frame (height, width[, 3]) cropped and resized: (size, size, channel), uint8."""
    if crop is not None:
        left, top, width, height = crop
        frame = frame[top : top + height, left : left + width]
    if frame.shape[:2] != (size, size):
        resized = cv2.resize(frame, (size, size), interpolation=INTERPOLATION[resize])
        frame = np.asarray(resized, np.uint8)
    return frame.reshape(size, size, -1)


def film_frames(source: Path | bytes, channels: int) -> Iterator[Picture]:
    """The frames of a film in order, each (height, width, channels), grey or RGB.

    Args:
        source: a file, or the bytes of one.
        channels: 1 for grey, 3 for RGB.

    Raises:
        EndsEarly: after the last frame, since it announces more.
        Unreadable: it is no film, or is corrupt.
    """
    layout = "gray" if channels == 1 else "rgb24"
    count, announced = 0, 0
    try:
        opened = BytesIO(source) if isinstance(source, bytes) else str(source)
        with av.open(opened, "r", options=LOCAL) as container:
            if not container.streams.video:
                raise Unreadable("it holds no film")
            stream = container.streams.video[0]
            announced = stream.frames
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise Unreadable(f"frame {count} is corrupt")
                decoded = np.asarray(frame.to_ndarray(format=layout), np.uint8)
                yield decoded.reshape(*decoded.shape[:2], channels)
                count += 1
    except (av.FFmpegError, OSError) as error:
        raise Unreadable(f"after {count} frames: {error.strerror or error}") from None
    if not count:
        raise Unreadable("it holds no frames")
    if count < announced:
        raise EndsEarly(count, announced)


def frame_rate(path: Path) -> float | None:
    """Frames per second of a film; None where it does not say.

    Raises:
        Unreadable: it is no film.
    """
    try:
        with av.open(str(path), "r", options=LOCAL) as container:
            rate: Fraction | None = container.streams.video[0].average_rate
    except (av.FFmpegError, OSError, IndexError) as error:
        raise Unreadable(f"it is no film ({error})") from None
    return float(rate) if rate else None


def picture(data: bytes, channels: int) -> Picture:
    """A picture (height, width, channels), grey or RGB, from the bytes of a PNG, JPEG ….

    Raises:
        Unreadable: it is no picture, or is truncated or corrupt.
    """
    if data.startswith(PNG_SIGNATURE) and PNG_END not in data[-64:]:
        raise Unreadable("it is truncated")
    flag = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flag) if data else None
    except cv2.error as error:
        raise Unreadable(error.err) from None
    if decoded is None:
        raise Unreadable("it is no picture, or a corrupt one")
    if channels == 3:
        decoded = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
    return np.asarray(decoded, np.uint8).reshape(*decoded.shape[:2], channels)


def grey(frame: Picture) -> Picture:
    """An RGB frame (height, width, 3) as grey (height, width), by the weights of BT.601."""
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height that a PNG announces, without decoding it.

    Raises:
        Unreadable: it is no PNG.
    """
    if not data.startswith(PNG_SIGNATURE) or len(data) < 33 or data[12:16] != b"IHDR":
        raise Unreadable("it is no PNG")
    width, height = struct.unpack(">II", data[16:24])
    return width, height
