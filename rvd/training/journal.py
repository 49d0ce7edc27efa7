"""The journal of a training: one line of JSON per interval, and the same for TensorBoard."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np

from rvd.errors import UserError
from rvd.files import atomic_write
from rvd.runtime.appending import AppendedFile
from rvd.training.records.board import Board
from rvd.training.records.tracked_run import TrackedRun


class Journal:
    """``folder/journal.jsonl`` and ``folder/tensorboard``, continued from ``step`` on.

    The entries that an interrupted training had written after its last checkpoint are dropped, so
    that each step occurs once. If more than ``most`` are left, as of a config that bounded them
    less, some are dropped evenly. While the disk is full the training continues: see :meth:`flush`.

    Args:
        folder: Folder of the training.
        step: Number of steps done.
        most: Largest number of entries.
        board_every: Steps from point to point of TensorBoard's curves.
        runs: Runs of trackers, to which entries and pictures are sent, too.

    Raises:
        UserError: The folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        step: int,
        most: int,
        board_every: int,
        runs: Sequence[TrackedRun] = (),
    ) -> None:
        self.path = journal_path(folder)
        kept = [entry for entry in read_journal(self.path) if entry["step"] <= step]
        every = max(1, math.ceil(len(kept) / most))
        kept = kept[(len(kept) - 1) % every :: every]  # with the last
        with atomic_write(self.path) as partial:
            partial.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
        self._file = AppendedFile(self.path)
        self._board = Board(folder, kept, board_every, step)
        self._runs = runs
        for run in runs:
            run.resume(folder, kept, step)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add an entry with ``values`` after ``step`` steps."""
        self._file.add(f"{json.dumps({'step': step, **values})}\n".encode())
        self._board.write(step, values)
        for run in self._runs:
            run.log(step, values)

    def show(self, step: int, name: str, picture: np.ndarray) -> None:
        """Add a picture (height, width, 3), uint8, for TensorBoard and the trackers."""
        self._board.show(step, name, picture)
        for run in self._runs:
            run.show(step, name, picture)

    def flush(self) -> None:
        """Write the entries that could not be written when they were added.

        To be called before a checkpoint is saved: a training that is resumed from it does not
        compute earlier entries again, and the curve consists of all of them.

        Raises:
            UserError: The journal still cannot be written.
        """
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(UserError):  # reported before; a resumed training computes them again
            self.flush()


def journal_path(folder: Path) -> Path:
    """Return the journal of the training whose state is in ``folder``."""
    return folder / "journal.jsonl"


def read_journal(path: Path) -> list[dict[str, float]]:
    """Return the entries of a journal without damaged lines; none if it is missing."""
    entries = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        # A kill truncates the last line; a fault of the disk may damage any.
        with suppress(ValueError, RecursionError):
            entry = json.loads(line)
            if _is_entry(entry):
                entries.append(entry)
    return entries


def _is_entry(found: Any) -> bool:
    """Return whether one line of a journal, as JSON, holds a step and numbers by printable name."""
    if not isinstance(found, dict) or type(found.get("step")) is not int:
        return False
    numbers = all(isinstance(value, int | float) for value in found.values())
    return numbers and all(name.isprintable() for name in found)


def write_curve(journal: Path, curve: Path) -> None:
    """Write the journal as CSV: ``step``, then one column per value (``docs/data-format.md``)."""
    entries = read_journal(journal)
    columns = dict.fromkeys(key for entry in entries for key in entry)
    with atomic_write(curve) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(columns) or ["step"], restval="")
        writer.writeheader()
        writer.writerows(entries)
