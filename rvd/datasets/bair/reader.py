"""BAIR robot pushing: records of raw pictures, in TFRecord files within one tar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rvd.datasets.bair.config import BairConfig
from rvd.datasets.bair.tfrecord import (
    Record,
    RecordError,
    index_records,
    read_features,
    read_record,
)
from rvd.datasets.reading.archives import Member, sorted_by_name, tar_members
from rvd.datasets.reading.frames import crop_and_resize, to_grey
from rvd.datasets.reading.parallel import parallel_map
from rvd.datasets.reading.reader import NamedVideo, ReaderResult
from rvd.errors import UserError
from rvd.video.file import VideoInfo

# A file of 256 records has about 190 MB. This is the only limit: the records are checked later.
LARGEST_FILE = 2**32
LARGEST_RECORD = 64 * 2**20

Job = tuple[str, Member, int, Record]


def read(dataset: BairConfig, raw: Sequence[Path], threads: int | None = None) -> ReaderResult:
    """Read the records as videos, in the order of the file names.

    Args:
        dataset: The dataset's section of the config.
        raw: The tar archive.
        threads: Threads that read and check records; None for one per core.

    Raises:
        UserError: The archive is missing, damaged or unsuitable.
    """
    found: dict[str, list[Job]] = {"train": [], "test": []}
    for archive in raw:
        for member in sorted_by_name(tar_members(archive, LARGEST_FILE)):
            named = re.search(r"(?:^|/)(train|test)/[^/]+\.tfrecords$", member.name)
            if named:
                split = named.group(1)
                found[split].extend(
                    (split, member, number, record)
                    for number, record in enumerate(_records(member))
                )
    for split, jobs in found.items():
        if not jobs:
            raise UserError(f"{raw[0]}: holds no file {split}/*.tfrecords")
        expected = (dataset.videos or {}).get(split)  # type: ignore[call-overload]  # of SPLITS
        if expected not in (None, len(jobs)):
            raise UserError(
                f"{raw[0]}: holds {len(jobs)} videos of '{split}', not {expected}; "
                "is it the whole dataset?"
            )
    held_out = dataset.validation
    if held_out >= len(found["train"]):
        raise UserError(
            f"validation: {held_out} of {len(found['train'])} training videos leave none"
        )
    jobs = [
        *found["train"][:-held_out],
        *(("val", *job[1:]) for job in found["train"][-held_out:]),
        *found["test"],
    ]
    info = VideoInfo(
        source=dataset.source,
        licence=dataset.licence,
        frame_rate=dataset.frame_rate,
        config=dataset.model_dump_json(),
    )
    return ReaderResult(len(jobs), _videos(dataset, jobs, threads), info, np.uint8)


def _records(member: Member) -> list[Record]:
    with member.archive.open("rb") as file:
        try:
            found = list(index_records(file, member.offset, member.size))
        except RecordError as error:
            raise UserError(f"{member}: {error}") from None
    if any(record.length > LARGEST_RECORD for record in found):
        raise UserError(f"{member}: refused: a record has over {LARGEST_RECORD} bytes")
    return found


def _videos(dataset: BairConfig, jobs: Sequence[Job], threads: int | None) -> Iterator[NamedVideo]:
    def video(job: Job) -> NamedVideo:
        split, member, number, record = job
        try:
            with member.archive.open("rb") as file:
                frames = _frames(dataset, read_record(file, record))
        except RecordError as error:
            raise UserError(f"{member}: record {number}: {error}") from None
        except OSError as error:
            raise UserError(f"{member}: cannot be read ({error.strerror})") from None
        return split, f"{Path(member.name).stem}/{number}", frames

    return parallel_map(video, jobs, threads)


def _frames(dataset: BairConfig, message: bytes) -> NDArray[np.uint8]:
    """Return the frames (frame, size, size, channel) of one record, in temporal order."""
    camera = f"/{dataset.camera}/encoded"
    values = read_features(message, camera)
    width, height = dataset.stored
    pictures = []
    for time in range(dataset.frames):
        name = f"{time}{camera}"
        # Raw bytes, three per pixel: despite the name "encoded" there is no image codec.
        if [len(value) for value in values.get(name, ())] != [width * height * 3]:
            raise RecordError(f"feature '{name}' is not a picture of {width}×{height} pixels")
        frame = np.frombuffer(values[name][0], np.uint8).reshape(height, width, 3)
        frame = to_grey(frame) if dataset.channels == 1 else frame
        pictures.append(crop_and_resize(frame, None, dataset.size, dataset.resize))
    if f"{dataset.frames}{camera}" in values:
        raise RecordError(f"it holds more than {dataset.frames} frames")
    return np.stack(pictures)
