"""A user's own videos: films, GIFs, and folders of pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rvd.datasets.base import Resize
from rvd.datasets.folder.config import Crop, FolderConfig
from rvd.datasets.folder.listing import PICTURES, VideoPath, is_hidden, split_videos
from rvd.datasets.reading.frames import (
    DecodingError,
    center_crop,
    crop_and_resize,
    decode_film,
    decode_picture,
)
from rvd.datasets.reading.parallel import parallel_map
from rvd.datasets.reading.reader import NamedVideo, ReaderResult
from rvd.errors import UserError
from rvd.files import reason
from rvd.video.file import VideoInfo

LARGEST_PICTURE = 256 * 2**20
BLOCK = 256  # frames per array while a film is read


def read(dataset: FolderConfig, raw: Sequence[Path], threads: int | None = None) -> ReaderResult:
    """Read every film, GIF and folder of pictures below the folder as a video.

    Args:
        dataset: The dataset's section of the config.
        raw: The folder.
        threads: Threads that decode videos; None for one per core.

    Raises:
        UserError: The folder is missing or has too few videos, or a video cannot be decoded.
    """
    (folder,) = raw
    jobs = split_videos(dataset, folder)
    info = VideoInfo(
        source=dataset.source or str(folder),
        licence=dataset.licence,
        frame_rate=dataset.frame_rate,
        config=dataset.model_dump_json(),
    )
    return ReaderResult(len(jobs), _videos(dataset, jobs, threads), info, np.uint8)


def _videos(
    dataset: FolderConfig, jobs: Sequence[VideoPath], threads: int | None
) -> Iterator[NamedVideo]:
    def video(job: VideoPath) -> NamedVideo:
        split, name, path = job
        try:
            frames = read_frames(
                path, dataset.size, dataset.channels, dataset.crop, dataset.stride, dataset.resize
            )
        except DecodingError as error:
            raise UserError(f"{path}: cannot be read: {error}") from None
        return split, name, frames

    return parallel_map(video, jobs, threads)


def read_frames(
    path: Path,
    size: int,
    channels: int,
    crop: Crop = "center",
    stride: int = 1,
    resize: Resize = "area",
) -> NDArray[np.uint8]:
    """Read the frames (frame, size, size, channel) of one film, GIF or folder of pictures.

    Args:
        path: Path of the film or folder.
        size: Height and width of the frames after resizing.
        channels: 1 for grey, 3 for RGB.
        crop: Rectangle that is kept, as in the config.
        stride: Step between the frames that are kept.
        resize: Interpolation used for resizing.

    Raises:
        DecodingError: The video cannot be decoded, or its frames differ in size.
    """
    if path.is_dir():
        frames = _pictures(path, channels, stride)
    else:
        every = enumerate(decode_film(path, channels, as_displayed=True))
        frames = (frame for number, frame in every if number % stride == 0)
    blocks: list[NDArray[np.uint8]] = []
    count = 0
    shape: tuple[int, ...] = ()
    for frame in frames:
        if count and frame.shape != shape:
            raise DecodingError(f"frame {count} has {frame.shape}, those before it {shape}")
        shape = frame.shape
        height, width = shape[:2]
        # Frames share blocks, since small arrays between large frames would fragment the heap.
        if count % BLOCK == 0:
            blocks.append(np.empty((BLOCK, size, size, channels), np.uint8))
        blocks[-1][count % BLOCK] = crop_and_resize(
            frame, _rectangle(crop, width, height), size, resize
        )
        count += 1
    if not count:
        raise DecodingError("it contains no pictures")
    blocks[-1] = blocks[-1][: (count - 1) % BLOCK + 1]
    return np.concatenate(blocks) if len(blocks) > 1 else blocks[0]


def _pictures(folder: Path, channels: int, stride: int) -> Iterator[NDArray[np.uint8]]:
    """Decode the pictures of a folder in the order of the numbers in their names (2 before 10)."""
    paths = [
        path for path in folder.iterdir() if path.suffix.lower() in PICTURES and not is_hidden(path)
    ]
    for path in sorted(paths, key=_natural)[::stride]:
        try:
            if path.stat().st_size > LARGEST_PICTURE:
                raise DecodingError(f"{path.name} has more than {LARGEST_PICTURE} bytes")
            data = path.read_bytes()
        except OSError as error:
            raise DecodingError(f"{path.name}: {reason(error)}") from None
        try:
            yield decode_picture(data, channels)
        except DecodingError as error:
            raise DecodingError(f"{path.name}: {error}") from None


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.findall(r"\d+|\D+", path.name)
    # Not isdigit, which also accepts ², while int does not.
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _rectangle(crop: Crop, width: int, height: int) -> tuple[int, int, int, int] | None:
    if crop == "none":
        return None
    if crop == "center":
        return center_crop(width, height)
    left, top, across, down = crop
    if left + across > width or top + down > height:
        raise DecodingError(f"crop {list(crop)} does not lie within {width}×{height} pixels")
    return crop
