"""Cityscapes: snippets of consecutive PNG pictures within one zip."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rvd.datasets.cityscapes.config import CityscapesConfig
from rvd.datasets.reading.archives import Member, by_name, zip_members
from rvd.datasets.reading.frames import (
    UPRIGHT,
    Unreadable,
    central_square,
    fitted,
    picture,
    png_orientation,
    png_size,
)
from rvd.datasets.reading.parallel import in_order
from rvd.datasets.reading.reader import NamedVideo, Reading
from rvd.errors import UserError
from rvd.video.file import SPLITS, VideoInfo

# A picture has about 2.3 MB; one that does not compress at all would have 6.3 MB.
LARGEST_PICTURE = 16 * 2**20

NAME = re.compile(
    r"(?:^|/)leftImg8bit_sequence/(train|val|test)/([^/]+)/"
    r"(\2_\d{6})_(\d{6})_leftImg8bit\.png$"
)


class Snippet(NamedTuple):
    """A video of ``split`` (ours): its name and its pictures in the order of time."""

    split: str
    name: str
    pictures: Sequence[Member]


def read(dataset: CityscapesConfig, raw: Sequence[Path], threads: int | None = None) -> Reading:
    """The snippets as videos.

    Args:
        dataset: its section of the config.
        raw: the zip.
        threads: that inflate and decode at once; None for one a core.

    Raises:
        UserError: the archive is missing, damaged or unfit.
    """
    (archive,) = raw
    snippets = _snippets(dataset, archive)
    info = VideoInfo(
        source=dataset.source,
        licence=dataset.licence,
        frame_rate=dataset.frame_rate,
        config=dataset.model_dump_json(),
    )
    return Reading(len(snippets), _videos(dataset, snippets, threads), info, np.uint8)


def _snippets(dataset: CityscapesConfig, archive: Path) -> list[Snippet]:
    """Every snippet of the archive, our splits in order, names in order within them."""
    drives: dict[str, dict[str, dict[int, Member]]] = {split: defaultdict(dict) for split in SPLITS}
    for member in by_name(zip_members(archive, LARGEST_PICTURE)):
        if named := NAME.search(member.name):
            official, _, drive, frame = named.groups()
            drives[official][drive][int(frame)] = member
    found: list[Snippet] = []
    for split in SPLITS:
        official = dataset.splits[split]  # type: ignore[index]  # of SPLITS
        before = len(found)
        for drive, pictures in drives[official].items():
            found += [Snippet(split, *part) for part in _cut(archive, drive, pictures, dataset)]
        expected = (dataset.videos or {}).get(official)
        if len(found) == before:
            raise UserError(f"{archive}: holds no pictures leftImg8bit_sequence/{official}/…")
        if expected not in (None, len(found) - before):
            raise UserError(
                f"{archive}: holds {len(found) - before} snippets of '{official}', not {expected}; "
                "is it leftImg8bit_sequence_trainvaltest.zip?"
            )
    return found


def _cut(
    archive: Path, drive: str, pictures: dict[int, Member], dataset: CityscapesConfig
) -> Iterator[tuple[str, list[Member]]]:
    """The snippets of one drive; where two touch, their frames run on without a gap."""
    numbers = sorted(pictures)
    breaks = [i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1] + 1]
    for begin, end in zip([0, *breaks], [*breaks, len(numbers)], strict=True):
        if (end - begin) % dataset.frames:
            raise UserError(
                f"{archive}: {drive}: frames {numbers[begin]} to {numbers[end - 1]} are no whole "
                f"snippets of {dataset.frames} (a frame is missing)"
            )
        for first in range(begin, end, dataset.frames):
            part = numbers[first : first + dataset.frames]
            yield f"{drive}_{part[0]:06}", [pictures[number] for number in part]


def _videos(
    dataset: CityscapesConfig, snippets: Sequence[Snippet], threads: int | None
) -> Iterator[NamedVideo]:
    crop = central_square(*dataset.stored)

    def video(snippet: Snippet) -> NamedVideo:
        frames = []
        for member in snippet.pictures:
            data = member.read()
            try:
                # Before it is decoded, so that no bomb is.
                if png_size(data) != dataset.stored:
                    raise Unreadable("{}×{} pixels".format(*png_size(data)))
                if (turned := png_orientation(data)) != UPRIGHT:
                    raise Unreadable(f"its EXIF orientation is {turned}, so it would be turned")
                frame = picture(data, dataset.channels)
            except Unreadable as error:
                width, height = dataset.stored
                raise UserError(f"{member}: is no picture of {width}×{height}: {error}") from None
            frames.append(fitted(frame, crop, dataset.size, dataset.resize))
        return snippet.split, snippet.name, np.stack(frames)

    return in_order(video, snippets, threads)
