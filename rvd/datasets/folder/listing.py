"""Videos below a folder, and their assignment to splits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from rvd.datasets.base import SPLITS
from rvd.datasets.folder.config import FolderConfig, SharesConfig
from rvd.datasets.reading.animations import is_animation
from rvd.errors import UserError

FILMS = {".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm", ".wmv"}
PICTURES = {".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp"}

VideoPath = tuple[str, str, Path]


def split_videos(dataset: FolderConfig, folder: Path) -> list[VideoPath]:
    """Return (split, name, path) of all videos; a name is the path relative to the folder.

    Raises:
        UserError: The folder, or one of its splits, contains no video.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    if dataset.split == "folders":
        found = {split: _find_videos(folder / split) for split in SPLITS}
        for split, videos in found.items():
            if not videos:
                raise UserError(f"{folder / split}: contains no video and no folder of pictures")
        return [(split, name, path) for split in SPLITS for name, path in found[split].items()]
    videos = _find_videos(folder)
    if len(videos) < len(SPLITS):
        raise UserError(
            f"{folder}: holds {len(videos)} videos (films, GIFs, folders of pictures); "
            "at least three are needed, one for each split"
        )
    splits = split_by_hash(list(videos), dataset.shares)
    return sorted(
        ((splits[name], name, path) for name, path in videos.items()),
        key=lambda job: (SPLITS.index(job[0]), job[1]),
    )


def split_by_hash(names: Sequence[str], shares: SharesConfig) -> Mapping[str, str]:
    """Assign a split to each name by the order of the SHA-256 of the names.

    The result is the same on all machines. Each split gets its share, and at least one name.
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


def _find_videos(folder: Path) -> dict[str, Path]:
    """Return the path of each video below ``folder`` by name, without hidden files and links.

    Raises:
        UserError: A folder contains both films and pictures, or a name is not in UTF-8.
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
            inside = {_kind(child) for child in path.iterdir() if not is_hidden(child)}
            if {"film", "picture"} <= inside:
                raise UserError(
                    f"{path}: contains films and pictures; a folder of pictures is one video, so "
                    "put the films elsewhere"
                )
            if "picture" in inside:
                videos[path.name] = path
            else:
                inner = _find_videos(path)
                videos |= {f"{path.name}/{name}": film for name, film in inner.items()}
        elif _kind(path) == "film":
            videos[path.name] = path
    return videos


def _kind(path: Path) -> Literal["film", "picture"] | None:
    """Return the kind of a file by its name; a WebP or TIFF of several frames is a film."""
    suffix = path.suffix.lower()
    if suffix in FILMS or is_animation(path):
        return "film"
    return "picture" if suffix in PICTURES else None


def is_hidden(path: Path) -> bool:
    """Return True for a hidden file, such as those of other systems (``._0.png``)."""
    return path.name.startswith(".")


def _in_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
