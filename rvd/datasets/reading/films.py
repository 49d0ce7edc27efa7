"""Decoding of films, frame by frame in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path

import av

from rvd.datasets.reading.containers import why_cut
from rvd.datasets.reading.conversion import FrameConverter, LazyFrame
from rvd.datasets.reading.frames import (
    NO_MEMORY,
    DecodingError,
    Picture,
    check_pixel_count,
)

# A film may be a playlist of URLs; none is opened.
LOCAL = {"protocol_whitelist": "file"}

# Each thread of the decoder holds frames: few threads, and one for frames larger than 4K.
DECODER_THREADS, LARGE = 4, 2**23

# Containers whose header states a duration. A film ends early if it lacks more than this of it.
TIMED = {"matroska,webm", "flv", "asf"}
LACKING_SECONDS, LACKING_SHARE = 1.0, 0.05


class TruncatedVideoError(DecodingError):
    """A film ended ``missing`` frames before its announced end."""

    def __init__(self, count: int, announced: int) -> None:
        super().__init__(f"it ends after {count} of {announced} frames")
        self.missing = announced - count


class CutFilmError(DecodingError):
    """A film is cut short or damaged, as its container or its decoder says: ``reason``."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"it is cut short or damaged: {reason} (with `cut_films: drop`, or --drop-last-group, "
            "it is read without its last group of frames)"
        )
        self.reason = reason


def decode_film(
    source: Path | bytes, channels: int, as_displayed: bool = False
) -> Iterator[Picture]:
    """Yield the frames of a film in order, each (height, width, channels), grey or RGB.

    The film must have as many frames as its container announces, as those of KTH do.

    Args:
        source: Path or content of a file.
        channels: 1 for grey, 3 for RGB.
        as_displayed: If True, rotate and stretch frames as a player does (phones store films
            rotated, and pixels need not be square); otherwise leave them as stored.

    Raises:
        TruncatedVideoError: The film announces more frames than it has; raised after the last one.
        DecodingError: The file is not a film, is corrupt, or has frames of more than 2²⁸ pixels.
    """
    with _opened(source) as (container, stream):
        announced = stream.frames
        count = 0
        for frame in _decoded(container, stream, FrameConverter(stream, channels, as_displayed)):
            yield frame.picture()
            count += 1
    if count < announced:
        raise TruncatedVideoError(count, announced)


def film_frames(
    path: Path, channels: int, threads: int = 1, tolerate_cut: bool = False
) -> Iterator[LazyFrame]:
    """Yield the frames that the decoder gives for a film, as displayed, in order.

    The number that the container announces is not taken for frames to be shown: it counts empty
    chunks of an AVI, and frames before the start of a trimmed film.

    Args:
        path: Path of the film.
        channels: 1 for grey, 3 for RGB.
        threads: Maximum number of the decoder's threads.
        tolerate_cut: If True, a container that ends early is reported after the last frame that
            can be decoded; otherwise before the first one.

    Raises:
        CutFilmError: The film is cut short: its container ends early, a frame is corrupt, or its
            times end before its announced duration.
        DecodingError: The file is not a film, or has frames of more than 2²⁸ pixels.
    """
    with _opened(path, threads) as (container, stream):
        cut = why_cut(path, container.format.name)
        if cut and not tolerate_cut:
            raise CutFilmError(cut)
        yield from _decoded(container, stream, FrameConverter(stream, channels, True), strict=True)
        if cut:
            raise CutFilmError(cut)


def pixels(path: Path) -> int:
    """Return the number of pixels of a frame of a film; 0 if it cannot be opened."""
    try:
        with _opened(path) as (_, stream):
            return stream.codec_context.width * stream.codec_context.height
    except DecodingError:
        return 0


def file_url(path: Path) -> str:
    """Return a file URL for FFmpeg, which would take the path ``12:30.mp4`` for protocol ``12``."""
    return f"file:{path}"


@contextmanager
def _opened(
    source: Path | bytes, threads: int = 1
) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open a film, and report the errors of FFmpeg."""
    try:
        opened = BytesIO(source) if isinstance(source, bytes) else file_url(source)
        # Texts in old films are in any encoding.
        with av.open(opened, "r", options=LOCAL, metadata_errors="replace") as container:
            if not container.streams.video:
                raise DecodingError("it contains no film")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise DecodingError("there is no decoder for it")
            width, height = stream.codec_context.width, stream.codec_context.height
            check_pixel_count(width, height)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = (
                1 if width * height > LARGE else min(threads, DECODER_THREADS)
            )
            yield container, stream
    except MemoryError:  # of FFmpeg as well
        raise DecodingError(NO_MEMORY) from None
    except (av.FFmpegError, OSError) as error:
        raise DecodingError(str(error.strerror or error)) from None


def _decoded(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    convert: FrameConverter,
    strict: bool = False,
) -> Iterator[LazyFrame]:
    """Yield the frames of a film.

    Args:
        container: Opened film.
        stream: Stream of the film in it.
        convert: Conversion of the frames.
        strict: If True, incomplete packets and an early end are errors as well.

    Raises:
        CutFilmError: The film is damaged, if ``strict``; else DecodingError.
    """
    broken = CutFilmError if strict else DecodingError
    count, first, latest, end = 0, None, 0.0, 0.0
    try:
        for packet in container.demux(stream):
            if strict and packet.is_corrupt:
                raise broken(f"its data after frame {count} are incomplete")
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise broken(f"frame {count} is corrupt")
                count += 1
                first = frame.time if first is None else first
                start = None if frame.time is None or first is None else frame.time - first
                if start is not None:
                    # The times of packed B-frames in AVI are out of order.
                    start = latest = max(start, latest)
                    end = start + float((frame.duration or 0) * (frame.time_base or 0))
                yield LazyFrame(
                    partial(convert, frame),
                    start,
                    None if start is None else end,
                    2 * frame.width * frame.height,
                    bool(frame.key_frame),
                )
    except av.FFmpegError as error:
        if isinstance(error, MemoryError) or not count:
            raise
        raise broken(f"after {count} frames: {error.strerror or error}") from None
    if not count:
        raise DecodingError("it contains no frames")
    if strict and (lacking := _lacking(container, stream, end)):
        raise CutFilmError(lacking)


def _lacking(
    container: av.container.InputContainer, stream: av.VideoStream, end: float
) -> str | None:
    """Return the difference from the duration in the container's header, if it is too large."""
    if container.format.name not in TIMED or not end:
        return None
    if stream.duration and stream.time_base:
        announced = float(stream.duration * stream.time_base)
    elif container.duration and len(container.streams) == 1:
        announced = container.duration / av.time_base
    else:
        return None  # sound may be longer
    if announced - end <= max(LACKING_SECONDS, LACKING_SHARE * announced):
        return None
    return f"its frames end after {end:.1f} of {announced:.1f} seconds"
