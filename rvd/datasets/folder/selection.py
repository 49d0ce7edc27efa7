"""Choice of the frames of a video that are read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rvd.datasets.reading.conversion import LazyFrame
from rvd.datasets.reading.frames import DecodingError

# Frames that wait for their conversion may hold this many bytes; more are converted at once.
HELD = 64 * 2**20
# Times in films are rounded, at most to milliseconds.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Selection:
    """The frames of a video that are read.

    Attributes:
        stride: Step between the frames that are kept, counted from the first.
        last: Number of the frames that are kept at most, the last ones; None for all.
        frame: Number of the first frame that is not read, counted from 0; None for the end.
        at: Seconds from the first frame; frames that are shown from then on are not read.
    """

    stride: int = 1
    last: int | None = None
    frame: int | None = None
    at: float | None = None

    def __call__(self, frames: Iterable[LazyFrame]) -> Iterator[LazyFrame]:
        """Yield the chosen ones of ``frames``; with ``last``, once the last one is known.

        Raises:
            DecodingError: The moment lies outside the video, or frames have no times.
        """
        kept = self._strided(self._before(frames))
        return kept if self.last is None else _last(kept, self.last)

    def described(self) -> str:
        """Return the moment before which frames are chosen, in words; empty without one."""
        if self.frame is not None:
            return f" before frame {self.frame}"
        return "" if self.at is None else f" before {self.at:g} seconds"

    def _strided(self, frames: Iterable[LazyFrame]) -> Iterator[LazyFrame]:
        return (frame for number, frame in enumerate(frames) if number % self.stride == 0)

    def _before(self, frames: Iterable[LazyFrame]) -> Iterator[LazyFrame]:
        count, begin, end = 0, 0.0, 0.0
        if self.frame == 0:
            return
        for frame in frames:
            if self.at is not None:
                if frame.start is None or frame.end is None:
                    raise DecodingError("its frames have no times; give the number of a frame")
                if frame.start >= self.at - ROUNDING:
                    return
                # A frame without a duration is shown as long as the one before it.
                known = frame.end > frame.start
                begin, end = frame.start, frame.end if known else 2 * frame.start - begin
            yield frame
            count += 1
            if count == self.frame:
                return
        if self.frame is not None:
            raise DecodingError(f"frame {self.frame} lies outside: it has {count} frames")
        if self.at is not None and self.at > end + ROUNDING:
            raise DecodingError(f"{self.at:g} seconds lie outside: it ends after {end:g} seconds")


def _last(frames: Iterable[LazyFrame], count: int) -> Iterator[LazyFrame]:
    """Yield the last ``count`` frames; only these are converted where memory allows."""
    waiting: deque[LazyFrame] = deque(maxlen=count)
    for frame in frames:
        if count * frame.held > HELD:
            frame = LazyFrame.converted(frame.picture())
        waiting.append(frame)
    yield from waiting
