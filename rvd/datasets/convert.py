"""Conversion of a dataset's raw files to a video file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rvd.datasets.base import VideoDatasetConfig
from rvd.datasets.download.checksums import require_unchanged
from rvd.datasets.reading.reader import NamedVideo
from rvd.datasets.registry import DATASETS
from rvd.runtime.progress import progress
from rvd.video.writing import write_video_file

# The workflow tracks the checksum record next to a downloaded archive, not the archive itself.
RECORD = ".sha256"


def convert(
    name: str,
    dataset: VideoDatasetConfig,
    raw: Sequence[Path],
    output: Path,
    threads: int | None = None,
) -> None:
    """Write the video file of a dataset.

    Args:
        name: Name of the dataset, for the progress bar.
        dataset: The dataset's section of the config.
        raw: Raw files, or the checksum records next to downloaded ones, in any order.
        output: Path of the video file.
        threads: Threads that decode; None for one per core.

    Raises:
        UserError: A raw file is missing, damaged or unsuitable, or differs from its record; no
            video file is left behind.
    """
    files = [require_unchanged(path) if path.suffix == RECORD else path for path in raw]
    reading = DATASETS[dataset.reader].read(dataset, files, threads)
    shape = (dataset.size, dataset.size, dataset.channels)
    with progress(reading.count, f"convert {name}", "video") as bar:

        def counted() -> Iterator[NamedVideo]:
            for video in reading.videos:
                yield video
                bar.update()

        write_video_file(output, counted(), shape, reading.dtype, reading.info)
