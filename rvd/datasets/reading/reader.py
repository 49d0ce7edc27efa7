"""The result that every reader returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from rvd.video.file import Frames, VideoInfo

NamedVideo = tuple[str, str, Frames | Iterator[Frames]]


@dataclass(frozen=True)
class ReaderResult:
    """Videos found by a reader.

    Attributes:
        count: Number of videos, for the progress bar.
        videos: Iterator of (split, name, frames) that reads each video on demand; frames are
            an array, or an iterator of blocks of frames.
        info: Attributes of the video file.
        dtype: Type of the frames.
    """

    count: int
    videos: Iterable[NamedVideo]
    info: VideoInfo
    dtype: type[np.uint8] | type[np.float32]
