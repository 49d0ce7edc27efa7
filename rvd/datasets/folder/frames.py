"""The frames of one film, GIF, animation or folder of pictures."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rvd.datasets.folder.config import CutFilms
from rvd.datasets.folder.listing import PICTURES, is_hidden
from rvd.datasets.reading.animations import animation_frames, is_animation
from rvd.datasets.reading.conversion import LazyFrame
from rvd.datasets.reading.films import CutFilmError, film_frames
from rvd.datasets.reading.frames import DecodingError, decode_picture
from rvd.files import reason

LARGEST_PICTURE = 256 * 2**20


def lazy_frames(
    path: Path, channels: int, threads: int = 1, cut_films: CutFilms = "refuse"
) -> Iterator[LazyFrame]:
    """Yield the frames of a video in order.

    Args:
        path: Film, GIF, animated WebP, TIFF of several pages, or folder of pictures.
        channels: 1 for grey, 3 for RGB.
        threads: Maximum number of the decoder's threads.
        cut_films: Treatment of a film that is cut short, as in the config. To drop its last group
            of frames, the film is decoded twice.

    Raises:
        DecodingError: The video cannot be decoded, or is a film that is cut short.
    """
    if path.is_dir():
        yield from _pictures(path, channels)
    elif is_animation(path):
        yield from animation_frames(path, channels)
    elif cut_films == "refuse":
        yield from film_frames(path, channels, threads)
    else:
        whole = _whole_groups(path, threads)
        yield from islice(film_frames(path, channels, threads, tolerate_cut=True), whole)


def _whole_groups(path: Path, threads: int) -> int | None:
    """Return the frames before the last group of a film that is cut short; None if it is whole.

    A group begins with a frame that does not depend on earlier ones. In a GIF it is one frame.
    """
    count, group = 0, 0
    try:
        for frame in film_frames(path, 1, threads, tolerate_cut=True):
            if frame.key or path.suffix.lower() == ".gif":
                group = count
            count += 1
    except CutFilmError as error:
        if not group:
            raise DecodingError(
                f"it is cut short or damaged: {error.reason}, in its first group of frames"
            ) from None
        print(
            f"{path}: is cut short or damaged ({error.reason}); its last {count - group} frames "
            "are left out",
            file=sys.stderr,
        )
        return group
    return None


def _pictures(folder: Path, channels: int) -> Iterator[LazyFrame]:
    """Yield the pictures of a folder in the order of the numbers in their names (2 before 10)."""
    paths = [
        path for path in folder.iterdir() if path.suffix.lower() in PICTURES and not is_hidden(path)
    ]
    for path in sorted(paths, key=natural_order):
        yield LazyFrame(partial(_picture, path, channels))


def _picture(path: Path, channels: int) -> NDArray[Any]:
    try:
        if path.stat().st_size > LARGEST_PICTURE:
            raise DecodingError(f"it has more than {LARGEST_PICTURE} bytes")
        return decode_picture(path.read_bytes(), channels)
    except OSError as error:
        raise DecodingError(f"{path.name}: {reason(error)}") from None
    except DecodingError as error:
        raise DecodingError(f"{path.name}: {error}") from None


def natural_order(path: Path) -> list[tuple[int, str]]:
    """Return a key by which names are sorted with their numbers as numbers (2 before 10)."""
    parts = re.findall(r"\d+|\D+", path.name)
    # Not isdigit, which also accepts ², while int does not.
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
