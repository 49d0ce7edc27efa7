"""From raw files to a video file, whatever the dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rvd.datasets.base import VideoDatasetConfig
from rvd.datasets.reading.reader import NamedVideo
from rvd.datasets.registry import DATASETS
from rvd.runtime.progress import progress
from rvd.video.file import write_video_file

# Beside a downloaded archive lies the record of its checksum, which is what the workflow knows.
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
        name: of the dataset, for the progress bar.
        dataset: its section of the config.
        raw: its raw files (or, of downloads, the records beside them), in any order.
        output: the video file.
        threads: that decode at once; None for one a core.

    Raises:
        UserError: a raw file is missing, damaged or unfit; no video file is left.
    """
    files = [path.with_suffix("") if path.suffix == RECORD else path for path in raw]
    reading = DATASETS[dataset.reader].read(dataset, files, threads)
    shape = (dataset.size, dataset.size, dataset.channels)
    with progress(reading.count, f"convert {name}", "video") as bar:

        def counted() -> Iterator[NamedVideo]:
            for video in reading.videos:
                yield video
                bar.update()

        write_video_file(output, counted(), shape, reading.dtype, reading.info)
