"""A user's own videos: films, GIFs, and folders of pictures."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rvd.datasets.base import Resize
from rvd.datasets.folder.config import Crop, FolderConfig, SharesConfig
from rvd.datasets.reading.frames import Unreadable, central_square, film_frames, fitted, picture
from rvd.datasets.reading.parallel import in_order
from rvd.datasets.reading.reader import NamedVideo, Reading
from rvd.errors import UserError
from rvd.files import reason
from rvd.video.file import SPLITS, VideoInfo

FILMS = {".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm", ".wmv"}
PICTURES = {".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp"}
LARGEST_PICTURE = 256 * 2**20
BLOCK = 256  # frames that are kept in one array while a film is read

Job = tuple[str, str, Path]


def read(dataset: FolderConfig, raw: Sequence[Path], threads: int | None = None) -> Reading:
    """Every film, GIF and folder of pictures below the folder as a video.

    Args:
        dataset: its section of the config.
        raw: the folder.
        threads: that decode at once; None for one a core.

    Raises:
        UserError: the folder is missing, holds too little, or a video is unreadable.
    """
    (folder,) = raw
    jobs = split_videos(dataset, folder)
    info = VideoInfo(
        source=dataset.source or str(folder),
        licence=dataset.licence,
        frame_rate=dataset.frame_rate,
        config=dataset.model_dump_json(),
    )
    return Reading(len(jobs), _videos(dataset, jobs, threads), info, np.uint8)


def split_videos(dataset: FolderConfig, folder: Path) -> list[Job]:
    """(split, name, path) of every video; a name is the path below the folder.

    Raises:
        UserError: the folder, or one of its splits, holds no video.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    if dataset.split == "folders":
        found = {split: _found(folder / split) for split in SPLITS}
        for split, videos in found.items():
            if not videos:
                raise UserError(f"{folder / split}: holds no video (nor any folder of pictures)")
        return [(split, name, path) for split in SPLITS for name, path in found[split].items()]
    videos = _found(folder)
    if len(videos) < len(SPLITS):
        raise UserError(
            f"{folder}: holds {len(videos)} videos (films, GIFs, folders of pictures); "
            "at least three are needed, one for each split"
        )
    splits = hashed(list(videos), dataset.shares)
    return sorted(
        ((splits[name], name, path) for name, path in videos.items()),
        key=lambda job: (SPLITS.index(job[0]), job[1]),
    )


def hashed(names: Sequence[str], shares: SharesConfig) -> Mapping[str, str]:
    """Name → split, by the order of the names' SHA-256: the same on every machine.

    Each split gets its share of the names, and one at least.
    """
    order = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    test = max(1, round(shares.test * len(names)))
    val = max(1, round(shares.val * len(names)))
    if test + val >= len(names):
        test = val = 1
    return {
        name: "test" if rank < test else "val" if rank < test + val else "train"
        for rank, name in enumerate(order)
    }


def _found(folder: Path) -> dict[str, Path]:
    """Name → path of the videos below ``folder``; hidden files are left out, links not followed.

    Raises:
        UserError: a folder holds films and pictures, or a name is not in UTF-8.
    """
    videos: dict[str, Path] = {}
    if not folder.is_dir():
        return videos
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_symlink():
            continue
        if not _in_utf8(path.name):
            raise UserError(f"{str(path)!a}: its name is not in UTF-8; rename it")
        if path.is_dir():
            inside = {child.suffix.lower() for child in path.iterdir() if not _hidden(child)}
            if inside & PICTURES and inside & FILMS:
                raise UserError(
                    f"{path}: holds films and pictures; a folder of pictures is one video, so put "
                    "the films elsewhere"
                )
            if inside & PICTURES:
                videos[path.name] = path
            else:
                inner = _found(path)
                videos |= {f"{path.name}/{name}": film for name, film in inner.items()}
        elif path.suffix.lower() in FILMS:
            videos[path.name] = path
    return videos


def _hidden(path: Path) -> bool:
    """True for a hidden file, such as other systems leave behind (``._0.png``)."""
    return path.name.startswith(".")


def _in_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _videos(
    dataset: FolderConfig, jobs: Sequence[Job], threads: int | None
) -> Iterator[NamedVideo]:
    def video(job: Job) -> NamedVideo:
        split, name, path = job
        try:
            frames = read_frames(
                path, dataset.size, dataset.channels, dataset.crop, dataset.stride, dataset.resize
            )
        except Unreadable as error:
            raise UserError(f"{path}: cannot be read: {error}") from None
        return split, name, frames

    return in_order(video, jobs, threads)


def read_frames(
    path: Path,
    size: int,
    channels: int,
    crop: Crop = "center",
    stride: int = 1,
    resize: Resize = "area",
) -> NDArray[np.uint8]:
    """The frames (frame, size, size, channel) of one film, GIF or folder of pictures.

    Args:
        path: of the film, or the folder.
        size: height and width that frames are brought to.
        channels: 1 for grey, 3 for RGB.
        crop: what of a frame is taken, as in the config.
        stride: every how many-th frame is kept.
        resize: how frames are brought to ``size``.

    Raises:
        Unreadable: it cannot be decoded, or its frames differ in size.
    """
    if path.is_dir():
        frames = _pictures(path, channels, stride)
    else:
        every = enumerate(film_frames(path, channels, as_shown=True))
        frames = (frame for number, frame in every if number % stride == 0)
    blocks: list[NDArray[np.uint8]] = []
    count = 0
    shape: tuple[int, ...] = ()
    for frame in frames:
        if count and frame.shape != shape:
            raise Unreadable(f"frame {count} has {frame.shape}, those before it {shape}")
        shape = frame.shape
        height, width = shape[:2]
        # Blocks, since small arrays of their own between large frames would fragment the heap.
        if count % BLOCK == 0:
            blocks.append(np.empty((BLOCK, size, size, channels), np.uint8))
        blocks[-1][count % BLOCK] = fitted(frame, _rectangle(crop, width, height), size, resize)
        count += 1
    if not count:
        raise Unreadable("it holds no pictures")
    blocks[-1] = blocks[-1][: (count - 1) % BLOCK + 1]
    return np.concatenate(blocks) if len(blocks) > 1 else blocks[0]


def _pictures(folder: Path, channels: int, stride: int) -> Iterator[NDArray[np.uint8]]:
    """The pictures of a folder, in the order of the numbers in their names (2 before 10)."""
    paths = [
        path for path in folder.iterdir() if path.suffix.lower() in PICTURES and not _hidden(path)
    ]
    for path in sorted(paths, key=_natural)[::stride]:
        try:
            if path.stat().st_size > LARGEST_PICTURE:
                raise Unreadable(f"{path.name} has over {LARGEST_PICTURE} bytes")
            data = path.read_bytes()
        except OSError as error:
            raise Unreadable(f"{path.name}: {reason(error)}") from None
        try:
            yield picture(data, channels)
        except Unreadable as error:
            raise Unreadable(f"{path.name}: {error}") from None


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.findall(r"\d+|\D+", path.name)
    # Not isdigit, which is true of ² as well, of which int knows nothing.
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _rectangle(crop: Crop, width: int, height: int) -> tuple[int, int, int, int] | None:
    if crop == "none":
        return None
    if crop == "center":
        return central_square(width, height)
    left, top, across, down = crop
    if left + across > width or top + down > height:
        raise Unreadable(f"crop {list(crop)} does not lie within {width}×{height} pixels")
    return crop
