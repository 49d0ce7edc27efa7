"""Videos of one's own, read as a model takes them."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

from jaxtyping import UInt8
from numpy.typing import NDArray

from rvd.datasets.folder.config import Crop, CutFilms
from rvd.datasets.folder.selection import Selection
from rvd.datasets.folder.video import ReadingOptions, read_frames
from rvd.datasets.reading.frames import DecodingError
from rvd.datasets.reading.parallel import cores
from rvd.errors import UserError
from rvd.forecasting.arguments import at_least


def read_video(
    path: Path | str,
    size: int,
    channels: int,
    crop: Crop = "center",
    stride: int = 1,
    *,
    last: int | None = None,
    frame: int | None = None,
    at: float | None = None,
    cut_films: CutFilms = "refuse",
    threads: int | None = None,
) -> UInt8[NDArray[Any], "frame size size channel"]:
    """Read a video, a GIF or a folder of images as a model takes them.

    Memory is that of the result and of a few frames of the video.

    Args:
        path: Path of the video file, or of the folder.
        size: Height and width of the model's frames.
        channels: 1 (grey) or 3 (RGB).
        crop: ``center`` (the largest square), ``none`` (the whole frame, stretched to a square), or
            (left, top, width, height) in pixels.
        stride: Interval in frames between those that are kept, counted from the first.
        last: Number of the frames that are returned, the last of those that are kept; None for all.
        frame: Number of a frame, counted from 0: frames before it are read. None for the end.
        at: Moment in seconds from the first frame: frames before it are read. None for the end.
        cut_films: ``refuse`` a film that is cut short, or ``drop`` its last group of frames.
        threads: Maximum number of the decoder's threads; None for one per core.

    Returns:
        Frames in 0…255.

    Raises:
        UserError: The video is missing, cannot be read or is cut short, its frames differ in size,
            the moment lies outside it or has fewer than ``last`` frames before it, there is too
            little memory, or an argument is not one of those above.
    """
    at_least(1, size=size, stride=stride)
    optional = {"last": last, "threads": threads}
    at_least(1, **{name: value for name, value in optional.items() if value is not None})
    at_least(0, frame=0 if frame is None else frame)
    if channels not in (1, 3):
        raise UserError(f"channels: must be 1 (grey) or 3 (given {channels!r})")
    if cut_films not in ("refuse", "drop"):
        raise UserError(f"cut_films: must be 'refuse' or 'drop' (given {cut_films!r})")
    if frame is not None and at is not None:
        raise UserError("frame and at: only one moment can be given")
    if at is not None and not (isinstance(at, int | float) and 0 <= at < inf):
        raise UserError(f"at: must be a number of seconds of at least 0 (given {at!r})")
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder")
    selection = Selection(stride, last, frame, at)
    options = ReadingOptions(size, channels, crop, "area", selection, threads or cores(), cut_films)
    try:
        frames = read_frames(path, options)
    except DecodingError as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    moment = selection.described()
    if moment and last is not None and len(frames) < last:
        raise UserError(f"{path}: has {len(frames)} frames{moment}, fewer than the {last} required")
    return frames
