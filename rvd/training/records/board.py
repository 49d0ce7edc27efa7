"""TensorBoard's files of a training, which follow from its journal and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from rvd.errors import UserError
from rvd.files import reported
from rvd.runtime.event_file import EventFile

_NAME = re.compile(r"step-(\d+)\.png")


class Board:
    """``folder/tensorboard``, rebuilt at each start and continued from there.

    Rebuilt, because each start adds a file to it, in which the steps since the last checkpoint
    occur again: with many interruptions it would grow without a bound.

    Args:
        folder: Folder of the training.
        entries: Entries of the journal so far.
        every: Steps from point to point of each curve; other entries are left out.
        step: Number of steps done; pictures of later ones are left out.
    """

    def __init__(
        self, folder: Path, entries: Iterable[Mapping[str, float]], every: int, step: int
    ) -> None:
        self.every = every
        board = folder / "tensorboard"
        with reported(board):
            for path in board.glob("events.out.tfevents.*"):
                path.unlink(missing_ok=True)
        # A TensorBoard that is running drops what it has read from the removed files.
        self._file = EventFile(board, first_step=0)
        for entry in entries:
            # A damaged entry may have other values; those of the trainer are floats.
            values = {name: value for name, value in entry.items() if isinstance(value, float)}
            if entry["step"] > 0:
                self.write(int(entry["step"]), values)
        for at, picture in kept_pictures(folder, -1, step):
            self.show(at, "validation", picture)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point to the curve of each value, where one is due at ``step``."""
        if step % self.every == 0:
            self._file.scalars(step, values)

    def show(self, step: int, name: str, picture: np.ndarray) -> None:
        """Add a picture (height, width, 3), uint8."""
        self._file.picture(step, name, picture)


def pictures_folder(folder: Path) -> Path:
    """Return the folder of the pictures of the training whose state is in ``folder``."""
    return folder / "pictures"


def kept_pictures(folder: Path, first: int, last: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield step and pixels of each readable picture after step ``first`` and until ``last``.

    Args:
        folder: Folder of the training.
        first: Step before the first picture.
        last: Last step.

    Yields:
        Step, and picture (height, width, 3), uint8.
    """
    for path in sorted(pictures_folder(folder).glob("step-*.png")):
        at = step_of(path)
        picture = cv2.imread(str(path)) if at is not None and first < at <= last else None
        if at is not None and picture is not None:
            yield at, picture[..., ::-1]


def picture_path(folder: Path, step: int) -> Path:
    """Return the path of the picture of ``step`` in a folder of pictures."""
    return folder / f"step-{step:08d}.png"


def step_of(picture: Path) -> int | None:
    """Return the step of a picture by its name; None for another file."""
    match = _NAME.fullmatch(picture.name)
    return int(match[1]) if match else None


def remove_pictures(folder: Path, every: int) -> None:
    """Remove the pictures between multiples of ``every`` steps, except the newest.

    Args:
        folder: Folder of pictures.
        every: Steps from picture to picture that is kept.

    Raises:
        UserError: A picture cannot be removed.
    """
    steps = {path: step for path in folder.glob("step-*.png") if (step := step_of(path))}
    newest = max(steps.values(), default=0)
    for path, step in steps.items():
        if step % every and step != newest:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise UserError(f"{path}: cannot be removed ({error.strerror})") from error
