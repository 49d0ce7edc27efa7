"""Pictures of several frames as films: animated WebP, and TIFF of several pages."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from rvd.datasets.reading.conversion import LazyFrame
from rvd.datasets.reading.frames import (
    NO_MEMORY,
    DecodingError,
    Picture,
    check_pixel_count,
    to_grey,
)

# Formats of pictures that may have several frames, and Pillow's names of them.
SUFFIXES = {".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}

# Of damaged tags; what matters is an error.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")

PALETTED_OR_COLOUR = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}


def is_animation(path: Path) -> bool:
    """Return True for a WebP or TIFF of more than one frame; files that cannot be read have one."""
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    try:
        with _opened(path) as image:
            return getattr(image, "n_frames", 1) > 1
    except DecodingError:
        return False


def animation_frames(path: Path, channels: int) -> Iterator[LazyFrame]:
    """Yield the frames of an animated WebP, or the pages of a TIFF, in order.

    Only the frames of a WebP have times. Transparency is ignored.

    Args:
        path: Path of the file.
        channels: 1 for grey, 3 for RGB.

    Raises:
        DecodingError: The file is truncated or corrupt, has numbers for which there is no grey
            level, or has frames of more than 2²⁸ pixels.
    """
    with _opened(path) as image:
        start: float | None = None
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            check_pixel_count(*image.size)
            picture = _converted(image, channels)
            duration = image.info.get("duration") if image.format == "WEBP" else None
            if duration is None:
                yield LazyFrame.converted(picture)
                continue
            start = start or 0.0
            end = start + duration / 1000
            yield LazyFrame.converted(picture, start, end)
            start = end


def _converted(image: Image.Image, channels: int) -> Picture:
    """Return the present frame (height, width, channels), upright."""
    image.load()  # which also tells the duration of a frame of a WebP
    if image.mode.startswith("I;16"):
        levels = np.asarray(ImageOps.exif_transpose(image)) >> 8
        return np.repeat(levels.astype(np.uint8)[..., None], channels, axis=-1)
    if image.mode not in PALETTED_OR_COLOUR:
        raise DecodingError(f"its pixels are of type '{image.mode}', not 8 or 16 bits")
    rgb = np.asarray(ImageOps.exif_transpose(image).convert("RGB"), np.uint8)
    return to_grey(rgb)[..., None] if channels == 1 else rgb


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture, and report the errors of Pillow."""
    try:
        with Image.open(path, formats=[SUFFIXES[path.suffix.lower()]]) as image:
            yield image
    except MemoryError:
        raise DecodingError(NO_MEMORY) from None
    except (
        OSError, ValueError, SyntaxError, TypeError, KeyError, OverflowError,
        Image.DecompressionBombError,
    ) as error:  # fmt: skip
        words = (str(error).splitlines() or [type(error).__name__])[0]
        raise DecodingError(f"it is truncated or corrupt ({words})") from None
