"""The journal of a training: one line of JSON per interval, and the same for TensorBoard."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from rvd.files import atomic_write


class Journal:
    """``folder/journal.jsonl`` and ``folder/tensorboard``, continued from ``step`` on.

    The entries that an interrupted training had written after its last checkpoint are dropped, so
    that each step occurs once.

    Args:
        folder: Folder of the training.
        step: Number of steps done.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path = journal_path(folder)
        kept = [entry for entry in read_journal(self.path) if entry["step"] <= step]
        with atomic_write(self.path) as partial:
            partial.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
        self._file = self.path.open("a", buffering=1)
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add an entry with ``values`` after ``step`` steps."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def show(self, step: int, name: str, picture: np.ndarray) -> None:
        """Add a picture (height, width, 3), uint8, for TensorBoard."""
        self._board.add_image(name, picture, step, dataformats="HWC")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        self._board.close()


def journal_path(folder: Path) -> Path:
    """Return the journal of the training whose state is in ``folder``."""
    return folder / "journal.jsonl"


def read_journal(path: Path) -> list[dict[str, float]]:
    """Return the entries of a journal without damaged lines; none if it is missing."""
    entries = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        # A kill truncates the last line; a fault of the disk may damage any.
        with suppress(json.JSONDecodeError):
            entry = json.loads(line)
            if isinstance(entry, dict) and isinstance(entry.get("step"), int):
                entries.append(entry)
    return entries


def write_curve(journal: Path, curve: Path) -> None:
    """Write the journal as CSV: ``step``, then one column per value (``docs/data-format.md``)."""
    entries = read_journal(journal)
    columns = dict.fromkeys(key for entry in entries for key in entry)
    with atomic_write(curve) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(columns) or ["step"], restval="")
        writer.writeheader()
        writer.writerows(entries)
