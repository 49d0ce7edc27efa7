"""A user's own videos: films, GIFs, and folders of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rvd.datasets.folder.config import FolderConfig
from rvd.datasets.folder.listing import VideoPath, split_videos
from rvd.datasets.folder.selection import Selection
from rvd.datasets.folder.video import ReadingOptions, block_length, read_blocks
from rvd.datasets.reading.films import pixels
from rvd.datasets.reading.frames import DecodingError
from rvd.datasets.reading.parallel import cores
from rvd.datasets.reading.reader import NamedVideo, ReaderResult
from rvd.datasets.reading.streams import AHEAD, parallel_streams
from rvd.errors import UserError
from rvd.video.file import VideoInfo

# Bytes of all blocks that wait to be written.
WAITING = 128 * 2**20
# Films with more pixels per frame are decoded one at a time.
ONE_AT_A_TIME = 2**20


def read(dataset: FolderConfig, raw: Sequence[Path], threads: int | None = None) -> ReaderResult:
    """Read every film, GIF and folder of pictures below the folder as a video, in blocks of frames.

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
    return ReaderResult(len(jobs), _videos(dataset, jobs, threads or cores()), info, np.uint8)


def _videos(dataset: FolderConfig, jobs: Sequence[VideoPath], threads: int) -> Iterator[NamedVideo]:
    options = ReadingOptions(
        dataset.size,
        dataset.channels,
        dataset.crop,
        dataset.resize,
        Selection(dataset.stride),
        threads,
        dataset.cut_films,
    )
    # Each of up to 2 * threads videos has blocks in its queue, and one that is being filled.
    share = WAITING // (2 * threads * (AHEAD + 1))
    length = block_length(dataset.size, dataset.channels, share)

    def blocks(job: VideoPath) -> Iterator[NDArray[np.uint8]]:
        path = job[2]
        try:
            yield from read_blocks(path, options, length)
        except DecodingError as error:
            raise UserError(f"{path}: cannot be read: {error}") from None

    def large(job: VideoPath) -> bool:
        path = job[2]
        return path.is_file() and pixels(path) > ONE_AT_A_TIME

    for (split, name, _), video in parallel_streams(blocks, jobs, threads, large):
        yield split, name, video
