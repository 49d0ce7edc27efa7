"""The rows of a session's results, and the frames that they are measured with; imports no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """Frames and batch of a measurement.

    Attributes:
        name: Name in tables, and of the predictions.
        size: Height and width of a frame, in pixels.
        channels: Channels of a frame.
        batch: Clips per training step of RVD.
    """

    name: str
    size: int
    channels: int
    batch: int


PAPER = (Case("64 px", 64, 3, 8), Case("128 px", 128, 3, 4))
# Of a trial on a CPU: the demo's frames.
TRIAL = (Case("32 px", 32, 1, 2),)


def finished(folder: Path) -> list[Row]:
    """Return the rows of earlier commands that were neither skipped nor failed."""
    return [row for row in all_rows(folder) if not row.keys() & {"skipped", "error"}]


def all_rows(folder: Path) -> list[Row]:
    """Return the rows of all stages, each stage's in order."""
    rows: list[Row] = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue  # truncated by the end of a session
    return rows
