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
from PIL import Image

from rvd.datasets.base import Resize

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

# Pixels that a picture or a frame may have: 16384×16384, beyond which it is taken for a bomb.
LARGEST = 2**28

ORIENTATION, UPRIGHT = 0x0112, 1  # the EXIF tag, and its value for pictures that stay as they are

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
    # A copy, not a view: a view would keep the whole frame in memory.
    return frame.reshape(size, size, -1).copy()


def film_frames(source: Path | bytes, channels: int, as_shown: bool = False) -> Iterator[Picture]:
    """The frames of a film in order, each (height, width, channels), grey or RGB.

    Args:
        source: a file, or the bytes of one.
        channels: 1 for grey, 3 for RGB.
        as_shown: whether frames are turned and stretched as a player shows them (films of phones
            lie on their side and say so; pixels need not be square), or are left as stored.

    Raises:
        EndsEarly: after the last frame, since it announces more.
        Unreadable: it is no film, is corrupt, or has frames of more than 2²⁸ pixels.
    """
    layout = "gray" if channels == 1 else "rgb24"
    count, announced = 0, 0
    try:
        opened = BytesIO(source) if isinstance(source, bytes) else address(source)
        with av.open(opened, "r", options=LOCAL) as container:
            if not container.streams.video:
                raise Unreadable("it holds no film")
            stream = container.streams.video[0]
            announced = stream.frames
            refuse_bomb(stream.codec_context.width, stream.codec_context.height)
            width = _shown_width(stream) if as_shown else None
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise Unreadable(f"frame {count} is corrupt")
                decoded = np.asarray(frame.to_ndarray(format=layout, width=width), np.uint8)
                if as_shown and frame.rotation:
                    decoded = np.rot90(decoded, round(frame.rotation / 90))
                yield decoded.reshape(*decoded.shape[:2], channels)
                count += 1
    except (av.FFmpegError, OSError) as error:
        raise Unreadable(f"after {count} frames: {error.strerror or error}") from None
    if not count:
        raise Unreadable("it holds no frames")
    if count < announced:
        raise EndsEarly(count, announced)


def address(path: Path) -> str:
    """Return ``path`` as FFmpeg takes it for a file: ``12:30.mp4`` would name a protocol ``12``."""
    return f"file:{path}"


def refuse_bomb(width: int, height: int) -> None:
    """Refuse a picture or frame before it is decoded.

    Raises:
        Unreadable: it has more than 2²⁸ pixels.
    """
    if width * height > LARGEST:
        raise Unreadable(f"it claims {width}×{height} pixels, more than {LARGEST:,}")


def _shown_width(stream: av.VideoStream) -> int | None:
    """The width at which pixels are square; None where they are."""
    ratio = stream.sample_aspect_ratio
    return round(stream.codec_context.width * ratio) if ratio and ratio != 1 else None


def frame_rate(path: Path) -> float | None:
    """Frames per second of a film; None where it does not say.

    Raises:
        Unreadable: it is no film.
    """
    try:
        with av.open(address(path), "r", options=LOCAL) as container:
            rate: Fraction | None = container.streams.video[0].average_rate
    except (av.FFmpegError, OSError, IndexError) as error:
        raise Unreadable(f"it is no film ({error})") from None
    return float(rate) if rate else None


def picture(data: bytes, channels: int) -> Picture:
    """A picture (height, width, channels), grey or RGB, from the bytes of a PNG, JPEG ….

    It is turned as its EXIF orientation says.

    Raises:
        Unreadable: it is no picture, is truncated or corrupt, or has more than 2²⁸ pixels.
    """
    if data.startswith(PNG_SIGNATURE) and PNG_END not in data[-64:]:
        raise Unreadable("it is truncated")
    try:
        with Image.open(BytesIO(data)) as header:  # reads no pixels
            refuse_bomb(*header.size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Unreadable("it is no picture, or a corrupt one") from None
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


def png_orientation(data: bytes) -> int:
    """Return the EXIF orientation of a PNG, without decoding it: 1, upright, where it has none.

    Raises:
        Unreadable: its EXIF data are corrupt.
    """
    position = len(PNG_SIGNATURE)
    while position + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        if kind == b"eXIf":
            exif = Image.Exif()
            try:
                exif.load(data[position + 8 : position + 8 + length])
                return int(exif.get(ORIENTATION, UPRIGHT))
            except (SyntaxError, ValueError, TypeError, struct.error):
                raise Unreadable("its EXIF data are corrupt") from None
        position += 12 + length
    return UPRIGHT
