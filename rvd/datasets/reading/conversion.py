"""Conversion of the frames of a film to pictures, when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from rvd.datasets.reading.frames import DecodingError, Picture


class LazyFrame(NamedTuple):
    """A frame that is converted when it is needed.

    Attributes:
        picture: Function that returns the frame (height, width, channels), grey or RGB.
        start: Seconds from the first frame, or None where the video has no times.
        end: Seconds from the first frame at which the frame is replaced, or None.
        held: Bytes that are held until the frame is converted.
        key: True where the frame, and those after it, do not depend on earlier ones.
    """

    picture: Callable[[], Picture]
    start: float | None = None
    end: float | None = None
    held: int = 0
    key: bool = True

    @classmethod
    def converted(
        cls, picture: Picture, start: float | None = None, end: float | None = None
    ) -> LazyFrame:
        """Return the frame of a picture that is converted already."""
        return cls(lambda: picture, start, end, picture.nbytes)


class FrameConverter:
    """Conversion of decoded frames to grey or RGB (height, width, channels).

    One conversion context serves all frames; a new one for each takes a third of the time of
    decoding.

    Args:
        stream: Stream of the film.
        channels: 1 for grey, 3 for RGB.
        as_displayed: If True, rotate and stretch frames as a player does.
    """

    def __init__(self, stream: av.VideoStream, channels: int, as_displayed: bool) -> None:
        self._layout = "gray" if channels == 1 else "rgb24"
        self._channels, self._as_displayed = channels, as_displayed
        self._width = _displayed_width(stream) if as_displayed else None
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> Picture:
        """Convert one frame.

        Raises:
            DecodingError: FFmpeg cannot convert it.
        """
        try:
            converted = self._reformatter.reformat(
                frame, width=self._width, format=self._layout, threads=1
            )
        except av.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            raise DecodingError(f"its frames cannot be converted ({error.strerror})") from None
        picture = np.asarray(converted.to_ndarray(), np.uint8)
        if self._as_displayed and frame.rotation:
            picture = np.rot90(picture, round(frame.rotation / 90))
        return picture.reshape(*picture.shape[:2], self._channels)


def _displayed_width(stream: av.VideoStream) -> int | None:
    """Return the width at which pixels are square, or None if they are square already."""
    ratio = stream.sample_aspect_ratio
    return round(stream.codec_context.width * ratio) if ratio and ratio != 1 else None
