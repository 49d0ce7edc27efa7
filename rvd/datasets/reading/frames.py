"""Decoding, cropping and resizing of single frames, in grey or colour."""

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

# A film may be a playlist of URLs; none is opened.
LOCAL = {"protocol_whitelist": "file"}

# Maximum number of pixels of a picture or frame (16384×16384); above it, a decompression bomb.
LARGEST = 2**28

ORIENTATION, UPRIGHT = 0x0112, 1  # the EXIF tag, and its value for pictures that are not rotated

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"


class DecodingError(Exception):
    """A video or picture cannot be decoded. The message gives the reason, not the file name."""


class TruncatedVideoError(DecodingError):
    """A film ended ``missing`` frames before its announced end."""

    def __init__(self, count: int, announced: int) -> None:
        super().__init__(f"it ends after {count} of {announced} frames")
        self.missing = announced - count


def center_crop(width: int, height: int) -> Crop:
    """Return the largest central square of a frame as (left, top, width, height)."""
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side, side


def crop_and_resize(frame: Picture, crop: Crop | None, size: int, resize: Resize) -> Picture:
    """Crop and resize a frame (height, width[, 3]) to (size, size, channel), uint8."""
    if crop is not None:
        left, top, width, height = crop
        frame = frame[top : top + height, left : left + width]
    if frame.shape[:2] != (size, size):
        resized = cv2.resize(frame, (size, size), interpolation=INTERPOLATION[resize])
        frame = np.asarray(resized, np.uint8)
    # A copy, since a view would keep the whole frame in memory.
    return frame.reshape(size, size, -1).copy()


def decode_film(
    source: Path | bytes, channels: int, as_displayed: bool = False
) -> Iterator[Picture]:
    """Yield the frames of a film in order, each (height, width, channels), grey or RGB.

    Args:
        source: Path or content of a file.
        channels: 1 for grey, 3 for RGB.
        as_displayed: If True, rotate and stretch frames as a player does (phones store films
            rotated, and pixels need not be square); otherwise leave them as stored.

    Raises:
        TruncatedVideoError: The film announces more frames than it has; raised after the last one.
        DecodingError: The file is not a film, is corrupt, or has frames of more than 2²⁸ pixels.
    """
    layout = "gray" if channels == 1 else "rgb24"
    count, announced = 0, 0
    try:
        opened = BytesIO(source) if isinstance(source, bytes) else file_url(source)
        with av.open(opened, "r", options=LOCAL) as container:
            if not container.streams.video:
                raise DecodingError("it contains no film")
            stream = container.streams.video[0]
            announced = stream.frames
            if stream.codec_context is None:
                raise DecodingError("its codec is not known")
            check_pixel_count(stream.codec_context.width, stream.codec_context.height)
            width = _shown_width(stream) if as_displayed else None
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise DecodingError(f"frame {count} is corrupt")
                decoded = np.asarray(frame.to_ndarray(format=layout, width=width), np.uint8)
                if as_displayed and frame.rotation:
                    decoded = np.rot90(decoded, round(frame.rotation / 90))
                yield decoded.reshape(*decoded.shape[:2], channels)
                count += 1
    except (av.FFmpegError, OSError) as error:
        raise DecodingError(f"after {count} frames: {error.strerror or error}") from None
    if not count:
        raise DecodingError("it contains no frames")
    if count < announced:
        raise TruncatedVideoError(count, announced)


def file_url(path: Path) -> str:
    """Return a file URL for FFmpeg, which would take the path ``12:30.mp4`` for protocol ``12``."""
    return f"file:{path}"


def check_pixel_count(width: int, height: int) -> None:
    """Check the size of a picture or frame before it is decoded.

    Raises:
        DecodingError: It has more than 2²⁸ pixels.
    """
    if width * height > LARGEST:
        raise DecodingError(f"it claims {width}×{height} pixels, more than {LARGEST:,}")


def _shown_width(stream: av.VideoStream) -> int | None:
    """Return the width at which pixels are square, or None if they are square already."""
    ratio = stream.sample_aspect_ratio
    return round(stream.codec_context.width * ratio) if ratio and ratio != 1 else None


def frame_rate(path: Path) -> float | None:
    """Return the frames per second of a film, or None if the file does not specify them.

    Raises:
        DecodingError: The file is not a film.
    """
    try:
        with av.open(file_url(path), "r", options=LOCAL) as container:
            rate: Fraction | None = container.streams.video[0].average_rate
    except (av.FFmpegError, OSError, IndexError) as error:
        raise DecodingError(f"it is not a film ({error})") from None
    return float(rate) if rate else None


def decode_picture(data: bytes, channels: int) -> Picture:
    """Decode a picture (PNG, JPEG …) to (height, width, channels), grey or RGB.

    The picture is rotated according to its EXIF orientation.

    Raises:
        DecodingError: The data are not a picture, are truncated or corrupt, or have more than 2²⁸
            pixels.
    """
    if data.startswith(PNG_SIGNATURE) and PNG_END not in data[-64:]:
        raise DecodingError("it is truncated")
    try:
        with Image.open(BytesIO(data)) as header:  # reads no pixels
            check_pixel_count(*header.size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise DecodingError("it is not a picture, or is corrupt") from None
    flag = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flag) if data else None
    except cv2.error as error:
        raise DecodingError(error.err) from None
    if decoded is None:
        raise DecodingError("it is not a picture, or is corrupt")
    if channels == 3:
        decoded = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
    return np.asarray(decoded, np.uint8).reshape(*decoded.shape[:2], channels)


def to_grey(frame: Picture) -> Picture:
    """Convert an RGB frame (height, width, 3) to grey (height, width) by the weights of BT.601."""
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)


def png_size(data: bytes) -> tuple[int, int]:
    """Return the width and height of a PNG without decoding it.

    Raises:
        DecodingError: The data are not a PNG.
    """
    if not data.startswith(PNG_SIGNATURE) or len(data) < 33 or data[12:16] != b"IHDR":
        raise DecodingError("it is not a PNG")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def png_orientation(data: bytes) -> int:
    """Return the EXIF orientation of a PNG without decoding it; 1 (upright) if there is none.

    Raises:
        DecodingError: The EXIF data are corrupt.
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
                raise DecodingError("its EXIF data are corrupt") from None
        position += 12 + length
    return UPRIGHT
