"""Summary of a video file: counts, values, and a contact sheet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from rvd.files import atomic_write
from rvd.video.file import Split, VideoFile
from rvd.video.pictures import Picture, to_picture
from rvd.video.ranges import stored_to_unit

# Frames from which values are taken, spread evenly over a split.
SAMPLED = 500
# Contact sheet: videos per split, frames per video, and pixels between them.
ROWS, COLUMNS, GAP = 4, 8, 2
LEAST_PIXELS = 64
PAPER = 255


@dataclass(frozen=True)
class SplitSummary:
    """Counts and values of a split; values range from 0 (black) to 255 (white)."""

    videos: int
    frames: int
    shortest: int
    longest: int
    minimum: float
    maximum: float
    mean: float
    deviation: float


def summarise(split: Split) -> SplitSummary:
    """Summarise a split; values are from at most ``SAMPLED`` frames spread evenly over it."""
    lengths = np.diff(split.first_frame)
    count = len(split.frames)
    chosen = np.unique(np.linspace(0, count - 1, min(count, SAMPLED)).round().astype(int))
    values = 255 * stored_to_unit(split.frames[chosen])
    return SplitSummary(
        videos=len(split),
        frames=count,
        shortest=int(lengths.min()),
        longest=int(lengths.max()),
        minimum=float(values.min()),
        maximum=float(values.max()),
        mean=float(values.mean(dtype=np.float64)),
        deviation=float(values.std(dtype=np.float64)),
    )


def contact_sheet(file: VideoFile) -> Picture:
    """Draw frames of a few videos of each split: RGB (height, width, 3), uint8.

    Each row shows one video, with evenly spaced frames from left to right. A wider gap separates
    the splits ``train``, ``val`` and ``test``.
    """
    side = max(file.frame_shape[0], LEAST_PIXELS)
    rows: list[Picture] = []
    for split in file.splits.values():
        videos = np.unique(np.linspace(0, len(split) - 1, ROWS).round().astype(int))
        rows += [_row(split, int(video), side, file.info.signed) for video in videos]
        rows.append(_paper(GAP * 3, rows[-1].shape[1]))
    return np.concatenate(rows[:-1])


def describe(file: VideoFile) -> str:
    """Describe a video file's shape, range, source and splits in several lines of text."""
    height, width, channels = file.frame_shape
    info, dtype = file.info, file.splits["train"].frames.dtype
    lines = [
        f"{file.path}: {width}×{height} pixels, {channels} channel{'s' * (channels > 1)}, {dtype}, "
        f"{info.frame_rate:g} frames per second",
        f"black is {info.minimum:g}, white is {info.maximum:g} ({info.unit})",
        f"source: {info.source or 'not stated'}; licence: {info.licence or 'not stated'}",
        f"{'split':6}{'videos':>8}{'frames':>10}{'length':>12}{'values (0 to 255)':>20}"
        f"{'mean ± deviation':>20}",
    ]
    for name, split in file.splits.items():
        found = summarise(split)
        length = f"{found.shortest}-{found.longest}"
        values = f"{found.minimum:.0f}-{found.maximum:.0f}"
        spread = f"{found.mean:.1f} ± {found.deviation:.1f}"
        lines.append(
            f"{name:6}{found.videos:8}{found.frames:10}{length:>12}{values:>20}{spread:>20}"
        )
    lines.append(f"values are of at most {SAMPLED} frames of each split, evenly spread")
    return "\n".join(lines)


def inspect(path: Path, sheet: Path) -> str:
    """Write the contact sheet (PNG) of a video file and return its description.

    Raises:
        UserError: The file is missing, damaged or of another format, or the sheet cannot be
            written.
    """
    with VideoFile(path) as file:
        picture = contact_sheet(file)
        text = describe(file)
    encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
    with atomic_write(sheet) as partial:
        partial.write_bytes(encoded.tobytes())
    return text


def _row(split: Split, video: int, side: int, signed: bool) -> Picture:
    first, end = split.first_frame[video], split.first_frame[video + 1]
    cells: list[Picture] = []
    for position in np.linspace(first, end - 1, COLUMNS).round().astype(int):
        frame = to_picture(split.frames[position], signed)
        frame = np.asarray(
            cv2.resize(frame, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8
        )
        cells += [frame, _paper(side, GAP)]
    row = np.concatenate(cells[:-1], axis=1)
    return np.concatenate([row, _paper(GAP, row.shape[1])])


def _paper(height: int, width: int) -> Picture:
    return np.full((height, width, 3), PAPER, np.uint8)
