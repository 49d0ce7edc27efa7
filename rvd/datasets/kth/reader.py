"""KTH actions: DivX films in six zip archives, cut according to the list of subsequences.

``00sequences.txt`` gives the first and last frame of each subsequence, counted from 1; each
subsequence is a video. The splits are divided by person.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rvd.datasets.kth.config import KthConfig
from rvd.datasets.reading.archives import Member, sorted_by_name, zip_members
from rvd.datasets.reading.films import TruncatedVideoError, decode_film
from rvd.datasets.reading.frames import DecodingError, crop_and_resize
from rvd.datasets.reading.parallel import parallel_map
from rvd.datasets.reading.reader import NamedVideo, ReaderResult
from rvd.errors import UserError
from rvd.video.file import VideoInfo

LIST = "00sequences.txt"
# The largest film has about 2 MB; anything above this is taken for a decompression bomb.
LARGEST_FILM = 64 * 2**20

# DivX may store a last frame as "not coded", which decoders do not return: if at most this many of
# the frames announced or listed are missing, the last subsequence is shortened.
TOLERATED = 2

# Persons of each split. ``authors``: the split of the paper's published code, which scores the
# persons it calls validation and never uses those it calls test: they are ``test`` and ``val``
# here. ``svg``: persons 21–25 for testing (Denton and Fergus 2018, and most later work); it has no
# validation split, so person 20 is held out.
PERSONS: Mapping[str, Mapping[str, Sequence[int]]] = {
    "authors": {
        "train": (11, 12, 13, 14, 15, 16, 17, 18),
        "val": (22, 2, 3, 5, 6, 7, 8, 9, 10),
        "test": (19, 20, 21, 23, 24, 25, 1, 4),
    },
    "svg": {"train": tuple(range(1, 20)), "val": (20,), "test": (21, 22, 23, 24, 25)},
}

Ranges = tuple[tuple[int, int], ...]


def read_sequences(path: Path) -> dict[str, Ranges]:
    """Return the subsequences (first, last + 1) of each film, counted from 0, in listed order.

    Films that the list calls missing have none. Duplicate subsequences are removed.

    Raises:
        UserError: The list is missing, or a line of it cannot be parsed.
    """
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    found: dict[str, Ranges] = {}
    for number, line in enumerate(lines, 1):
        parsed = re.match(r"(person\d\d_[a-z]+_d\d)\s+(.*)$", line.strip())
        if not parsed:
            continue
        name, rest = parsed.groups()
        listed = re.fullmatch(r"frames\s+([\d\s,-]+)", rest)
        pairs = re.findall(r"(\d+)\s*-\s*(\d+)", listed.group(1)) if listed else []
        ranges = tuple(dict.fromkeys((int(first) - 1, int(last)) for first, last in pairs))
        wrong = not ranges and "missing" not in rest
        if wrong or name in found or any(not 0 <= first < last for first, last in ranges):
            raise UserError(f"{path}, line {number}: not a list of frames: {line.strip()[:60]!r}")
        found[name] = ranges
    if not found:
        raise UserError(f"{path}: lists no film; is it {LIST} of the KTH actions?")
    return found


def read(dataset: KthConfig, raw: Sequence[Path], threads: int | None = None) -> ReaderResult:
    """Read the subsequences of the KTH actions as videos.

    Args:
        dataset: The dataset's section of the config.
        raw: The zip archives and ``00sequences.txt``.
        threads: Threads that decode films; None for one per core.

    Raises:
        UserError: A file is missing, damaged or unsuitable.
    """
    lists = [path for path in raw if path.name == LIST]
    if not lists:
        raise UserError(f"{LIST} is missing among the raw files")
    listed = read_sequences(lists[0])
    films = _films([path for path in raw if path.suffix == ".zip"])
    splits = {person: split for split, those in PERSONS[dataset.split].items() for person in those}
    absent = []
    wanted: list[tuple[str, str, Ranges]] = []
    for name in sorted(listed):
        split = splits.get(int(name[6:8]))
        if split is None:
            continue
        if name not in films or not listed[name]:
            absent.append(name)
            continue
        ranges = listed[name]
        if split == "test":
            ranges = tuple((begin + dataset.test_from, end) for begin, end in ranges)
            ranges = tuple(pair for pair in ranges if pair[0] < pair[1])
        wanted.append((split, name, ranges))
    _report(absent, dataset, "missing")
    count = sum(len(ranges) for _, _, ranges in wanted)
    info = VideoInfo(
        source=dataset.source,
        licence=dataset.licence,
        frame_rate=dataset.frame_rate,
        config=dataset.model_dump_json(),
    )
    return ReaderResult(count, _videos(dataset, films, wanted, threads), info, np.uint8)


def _films(archives: Sequence[Path]) -> dict[str, Member]:
    """Return the archive member of each film (``person01_boxing_d1``)."""
    found: dict[str, Member] = {}
    for archive in archives:
        for member in sorted_by_name(zip_members(archive, LARGEST_FILM)):
            stem, suffix = Path(member.name).stem, Path(member.name).suffix
            if suffix == ".avi" and stem.endswith("_uncomp"):
                name = stem.removesuffix("_uncomp")
                if name in found:
                    raise UserError(
                        f"{member}: the film {name} is there twice, also in {found[name]}"
                    )
                found[name] = member
    if not found:
        raise UserError("no archive holds a film named like person01_boxing_d1_uncomp.avi")
    return found


def _videos(
    dataset: KthConfig,
    films: Mapping[str, Member],
    wanted: Sequence[tuple[str, str, Ranges]],
    threads: int | None,
) -> Iterator[NamedVideo]:
    def cut(job: tuple[str, str, Ranges]) -> list[NamedVideo] | DecodingError:
        split, name, ranges = job
        try:
            frames = _frames(films[name], dataset)
        except (UserError, DecodingError) as error:
            if isinstance(error, UserError) and name not in dataset.may_fail:
                raise
            return DecodingError(str(error))
        end = len(frames)
        for first, last in ranges:
            if first >= end or last > end + TOLERATED:
                return DecodingError(f"{LIST} asks for frames {first + 1}-{last} of {end}")
        return [
            (split, f"{name}_{first + 1}-{last}", frames[first : min(last, end)])
            for first, last in ranges
        ]

    broken = []
    for job, found in zip(wanted, parallel_map(cut, wanted, threads), strict=True):
        if isinstance(found, DecodingError):
            if job[1] not in dataset.may_fail:
                raise UserError(
                    f"{films[job[1]]}: {found} (add {job[1]} to may_fail to leave it out)"
                )
            broken.append(job[1])
        else:
            yield from found
    _report(broken, dataset, "unreadable")


def _frames(film: Member, dataset: KthConfig) -> NDArray[np.uint8]:
    """Decode all frames of a film: (frame, size, size, channel)."""
    frames = []
    try:
        for frame in decode_film(film.read(), dataset.channels):
            frames.append(crop_and_resize(frame, None, dataset.size, dataset.resize))  # noqa: PERF401 (frames before the error are kept)
    except TruncatedVideoError as early:
        if early.missing > TOLERATED:
            raise
    return np.stack(frames)


def _report(names: Sequence[str], dataset: KthConfig, what: str) -> None:
    """Print the films that are left out.

    Raises:
        UserError: One of them is not listed in ``may_fail``.
    """
    for name in names:
        if name not in dataset.may_fail:
            raise UserError(
                f"the film {name} is {what}; fetch the archives again, or add it to may_fail"
            )
    if names:
        print(f"left out, since {what}: {len(names)} ({', '.join(names)})", file=sys.stderr)
