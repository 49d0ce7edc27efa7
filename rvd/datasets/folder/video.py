"""One video of the user's, read in blocks of frames, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from rvd.datasets.base import Resize
from rvd.datasets.folder.config import Crop, CutFilms
from rvd.datasets.folder.frames import lazy_frames
from rvd.datasets.folder.selection import Selection
from rvd.datasets.reading.frames import NO_MEMORY, DecodingError, center_crop, crop_and_resize

# Frames per block, and bytes at most.
BLOCK, BLOCK_BYTES = 256, 16 * 2**20


@dataclass(frozen=True)
class ReadingOptions:
    """Options for reading a video.

    Attributes:
        size: Height and width of the frames after resizing.
        channels: 1 for grey, 3 for RGB.
        crop: Rectangle that is kept, as in the config.
        resize: Interpolation used for resizing.
        selection: Frames that are read.
        threads: Maximum number of the decoder's threads.
        cut_films: Treatment of films that are cut short, as in the config.
    """

    size: int
    channels: int
    crop: Crop = "center"
    resize: Resize = "area"
    selection: Selection = Selection()  # noqa: RUF009 (it is frozen)
    threads: int = 1
    cut_films: CutFilms = "refuse"


def read_blocks(path: Path, options: ReadingOptions, length: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of one film, GIF or folder of pictures in blocks.

    Args:
        path: Path of the film or folder.
        options: Frames that are read, and their shape.
        length: Frames per block; the last one may have fewer.

    Yields:
        Arrays (frame, size, size, channel), each of its own.

    Raises:
        DecodingError: The video cannot be decoded, is cut short, has no frames, or has frames of
            different sizes; the moment of the selection lies outside; or memory is not sufficient.
    """
    size, channels = options.size, options.channels
    block: NDArray[np.uint8] | None = None
    count = 0
    shape: tuple[int, ...] = ()
    try:
        frames = lazy_frames(path, channels, options.threads, options.cut_films)
        for frame in options.selection(frames):
            picture = frame.picture()
            if count and picture.shape != shape:
                raise DecodingError(f"frame {count} has {picture.shape}, those before it {shape}")
            shape = picture.shape
            rectangle = _rectangle(options.crop, shape[1], shape[0])
            if block is None:
                block = np.empty((length, size, size, channels), np.uint8)
            block[count % length] = crop_and_resize(picture, rectangle, size, options.resize)
            count += 1
            if count % length == 0:
                yield block
                block = None
    except MemoryError:
        raise DecodingError(NO_MEMORY) from None
    except cv2.error as error:
        memory = error.code == cv2.Error.StsNoMem
        raise DecodingError(NO_MEMORY if memory else error.err) from None
    if not count:
        raise DecodingError(f"it contains no frames{options.selection.described()}")
    if block is not None:
        yield block[: count % length]


def block_length(size: int, channels: int, most: int = BLOCK_BYTES) -> int:
    """Return the frames of a block of at most ``most`` bytes, at least one."""
    return max(1, min(BLOCK, most // (size**2 * channels)))


def read_frames(path: Path, options: ReadingOptions) -> NDArray[np.uint8]:
    """Return the frames (frame, size, size, channel) of one film, GIF or folder of pictures.

    Args:
        path: Path of the film or folder.
        options: Frames that are read, and their shape.

    Raises:
        DecodingError: As :func:`read_blocks`.
    """
    size, channels = options.size, options.channels
    found = np.empty((0, size, size, channels), np.uint8)
    count = 0
    try:
        for block in read_blocks(path, options, block_length(size, channels)):
            if count + len(block) > len(found):
                # In place, since joining the blocks at the end would take the memory twice, and by
                # little, since NumPy writes zeros there.
                room = max(count + len(block), len(found) * 17 // 16)
                found.resize((room, size, size, channels), refcheck=False)
            found[count : count + len(block)] = block
            count += len(block)
        found.resize((count, size, size, channels), refcheck=False)
    except MemoryError:
        raise DecodingError(NO_MEMORY) from None
    return found


def _rectangle(crop: Crop, width: int, height: int) -> tuple[int, int, int, int] | None:
    if crop == "none":
        return None
    if crop == "center":
        return center_crop(width, height)
    left, top, across, down = crop
    if left + across > width or top + down > height:
        raise DecodingError(f"crop {list(crop)} does not lie within {width}×{height} pixels")
    return crop
