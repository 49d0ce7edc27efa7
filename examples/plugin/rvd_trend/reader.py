"""Videos from NumPy files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from rvd.datasets.base import SPLITS
from rvd.datasets.reading.reader import NamedVideo, ReaderResult
from rvd.errors import UserError
from rvd.video.file import VideoInfo
from rvd_trend.config import ArraysConfig


def read(dataset: ArraysConfig, raw: Sequence[Path], threads: int | None) -> ReaderResult:
    """Return the videos below the folder, which are read one after another.

    Args:
        dataset: Section of the config.
        raw: What ``ArraysConfig.local_files`` returned.
        threads: Number of threads; this reader takes one.
    """
    (folder,) = raw
    files = [(split, path) for split in SPLITS for path in sorted((folder / split).glob("*.npy"))]
    info = VideoInfo(
        source=dataset.source or str(folder),
        licence=dataset.licence,
        frame_rate=dataset.frame_rate,
        config=dataset.model_dump_json(),
    )
    return ReaderResult(len(files), _videos(files), info, np.uint8)


def _videos(files: Sequence[tuple[str, Path]]) -> Iterator[NamedVideo]:
    for split, path in files:
        try:
            frames = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read ({error})") from None
        yield split, path.stem, frames
