"""From raw files to a video file, whatever the dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rvd.config import Dataset
from rvd.datasets import simulation
from rvd.progress import progress
from rvd.video.file import Frames, VideoInfo, write_video_file

NamedVideo = tuple[str, str, Frames]


@dataclass(frozen=True)
class Reading:
    """What a reader found: how many videos, the videos (split, name, frames), and their info."""

    count: int
    videos: Iterable[NamedVideo]
    info: VideoInfo
    dtype: type[np.uint8] | type[np.float32]


def convert(name: str, dataset: Dataset, raw: Sequence[Path], output: Path) -> None:
    """Write the video file of a dataset.

    Args:
        name: of the dataset, for the progress bar.
        dataset: its section of the config.
        raw: its raw files, in any order.
        output: the video file.

    Raises:
        UserError: a raw file is missing, damaged or unfit; no video file is left.
    """
    reading = Reading(*simulation.read(dataset, raw))
    shape = (dataset.size, dataset.size, dataset.channels)
    with progress(reading.count, f"convert {name}", "video") as bar:

        def counted() -> Iterator[NamedVideo]:
            for video in reading.videos:
                yield video
                bar.update()

        write_video_file(output, counted(), shape, reading.dtype, reading.info)
