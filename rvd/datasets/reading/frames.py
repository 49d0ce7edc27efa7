"""Decoding, cropping and resizing of single frames, in grey or colour."""

from __future__ import annotations

import struct
from io import BytesIO

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

# Maximum number of pixels of a picture or frame (16384×16384); above it, a decompression bomb.
LARGEST = 2**28

NO_MEMORY = "it needs more memory than this machine has"

ORIENTATION, UPRIGHT = 0x0112, 1  # the EXIF tag, and its value for pictures that are not rotated

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"


class DecodingError(Exception):
    """A video or picture cannot be decoded. The message gives the reason, not the file name."""


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


def check_pixel_count(width: int, height: int) -> None:
    """Check the size of a picture or frame before it is decoded.

    Raises:
        DecodingError: It has more than 2²⁸ pixels.
    """
    if width * height > LARGEST:
        raise DecodingError(f"it claims {width}×{height} pixels, more than {LARGEST:,}")


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
