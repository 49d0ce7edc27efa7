"""What every reader returns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rvd.video.file import Frames, VideoInfo

NamedVideo = tuple[str, str, Frames]


@dataclass(frozen=True)
class Reading:
    """What a reader found: how many videos, the videos (split, name, frames), and their info.

    ``count`` is for the progress bar. ``videos`` are read as they are asked for.
    """

    count: int
    videos: Iterable[NamedVideo]
    info: VideoInfo
    dtype: type[np.uint8] | type[np.float32]
