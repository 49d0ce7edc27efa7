"""Cityscapes: snippets of consecutive PNG pictures in one zip archive."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rvd.datasets.cityscapes.config import CityscapesConfig
from rvd.datasets.reading.archives import Member, sorted_by_name, zip_members
from rvd.datasets.reading.frames import (
    UPRIGHT,
    DecodingError,
    center_crop,
    crop_and_resize,
    decode_picture,
    png_orientation,
    png_size,
)
from rvd.datasets.reading.parallel import parallel_map
from rvd.datasets.reading.reader import NamedVideo, ReaderResult
from rvd.errors import UserError
from rvd.video.file import SPLITS, VideoInfo

# A picture has about 2.3 MB, and 6.3 MB if it does not compress at all.
LARGEST_PICTURE = 16 * 2**20

NAME = re.compile(
    r"(?:^|/)leftImg8bit_sequence/(train|val|test)/([^/]+)/"
    r"(\2_\d{6})_(\d{6})_leftImg8bit\.png$"
)


class Snippet(NamedTuple):
    """A video of ``split`` (of this project): its name and its pictures in temporal order."""

    split: str
    name: str
    pictures: Sequence[Member]


def read(
    dataset: CityscapesConfig, raw: Sequence[Path], threads: int | None = None
) -> ReaderResult:
    """Read the snippets as videos.

    Args:
        dataset: The dataset's section of the config.
        raw: The zip archive.
        threads: Threads that decompress and decode pictures; None for one per core.

    Raises:
        UserError: The archive is missing, damaged or unsuitable.
    """
    (archive,) = raw
    snippets = _snippets(dataset, archive)
    info = VideoInfo(
        source=dataset.source,
        licence=dataset.licence,
        frame_rate=dataset.frame_rate,
        config=dataset.model_dump_json(),
    )
    return ReaderResult(len(snippets), _videos(dataset, snippets, threads), info, np.uint8)


def _snippets(dataset: CityscapesConfig, archive: Path) -> list[Snippet]:
    """Return all snippets of the archive, sorted by split and name."""
    drives: dict[str, dict[str, dict[int, Member]]] = {split: defaultdict(dict) for split in SPLITS}
    for member in sorted_by_name(zip_members(archive, LARGEST_PICTURE)):
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
    """Divide the pictures of one drive into snippets, which may follow each other without a gap."""
    numbers = sorted(pictures)
    breaks = [i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1] + 1]
    for begin, end in zip([0, *breaks], [*breaks, len(numbers)], strict=True):
        if (end - begin) % dataset.frames:
            raise UserError(
                f"{archive}: {drive}: frames {numbers[begin]} to {numbers[end - 1]} are not whole "
                f"snippets of {dataset.frames} (a frame is missing)"
            )
        for first in range(begin, end, dataset.frames):
            part = numbers[first : first + dataset.frames]
            yield f"{drive}_{part[0]:06}", [pictures[number] for number in part]


def _videos(
    dataset: CityscapesConfig, snippets: Sequence[Snippet], threads: int | None
) -> Iterator[NamedVideo]:
    crop = center_crop(*dataset.stored)

    def video(snippet: Snippet) -> NamedVideo:
        frames = []
        for member in snippet.pictures:
            data = member.read()
            try:
                # Before decoding, so that no decompression bomb is decoded.
                if png_size(data) != dataset.stored:
                    raise DecodingError("{}×{} pixels".format(*png_size(data)))
                if (turned := png_orientation(data)) != UPRIGHT:
                    raise DecodingError(f"its EXIF orientation is {turned}, so it would be turned")
                frame = decode_picture(data, dataset.channels)
            except DecodingError as error:
                width, height = dataset.stored
                raise UserError(
                    f"{member}: is not a picture of {width}×{height}: {error}"
                ) from None
            frames.append(crop_and_resize(frame, crop, dataset.size, dataset.resize))
        return snippet.split, snippet.name, np.stack(frames)

    return parallel_map(video, snippets, threads)
