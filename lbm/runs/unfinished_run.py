"""State of an unfinished run, from which an interrupted simulation resumes.

It is kept in a hidden folder next to the run file, and removed when the run file is complete. It
consists of the frames so far, as plain records, and the last two checkpoints, each written
atomically. After a kill, frames after the checkpoint are computed again.
"""

import errno
import fcntl
import json
import os
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Float

from lbm.config import VortexStreetConfig
from lbm.errors import LockError
from lbm.flow import Solver
from lbm.runs.run_file import versions

CHECKPOINTS = ("checkpoint.npz", "checkpoint.previous.npz")  # newest first
# Seconds between two attempts to take the lock.
PAUSE = 0.5
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)


class UnfinishedRun:
    """Frames and checkpoints of one run; a context manager that locks the run for this process.

    While another process computes the run, this one waits, with a message; `waited` is True then.
    State of the same name from another street, or from other software versions, is removed.

    Raises:
        LockError: The file system does not support locks.
        OSError: The folder cannot be written.
    """

    def __init__(self, path: Path, street: VortexStreetConfig) -> None:
        self.street = street
        self.folder = path.with_name(f".{path.name}.unfinished")
        self.waited = False
        while (lock := self._acquire()) is None:
            if not self.waited:
                print(f"{path}: waiting for another process that simulates it", file=sys.stderr)
            self.waited = True
            time.sleep(PAUSE)
        self._lock = lock
        stamp = self.folder / "street.json"
        made_by = json.dumps([street.model_dump(), versions(street.solver)])
        if not stamp.exists() or stamp.read_text() != made_by:
            for name in CHECKPOINTS:
                (self.folder / name).unlink(missing_ok=True)
            stamp.write_text(made_by)
        grid = (street.height, street.width)
        self._record = np.dtype([("force", np.float64, 2), ("vorticity", np.float32, grid)])
        # written, not memory-mapped, so a full disk is an error, not a crash
        path = self.folder / "frames"
        path.touch()
        self._frames = path.open("r+b")

    def _acquire(self) -> int | None:
        """Return the open lock file; None while another process holds it."""
        self.folder.mkdir(exist_ok=True)
        path = self.folder / "lock"
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:
            return None  # the other process has just removed the folder
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A process that completes the run removes its lock file, which then locks nothing.
            if path.exists() and os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        except (BlockingIOError, FileNotFoundError):
            pass
        except OSError as error:
            os.close(lock)
            if error.errno not in _NO_LOCKS:
                raise
            raise LockError(
                f"{self.folder}: the file system does not support locks ({error.strerror})"
            ) from error
        os.close(lock)
        return None

    def restore(self, solver: Solver) -> None:
        """Set `solver` to the last valid checkpoint, if there is one.

        A damaged checkpoint is skipped, with a line on standard error.
        """
        for path in (self.folder / name for name in CHECKPOINTS):
            try:
                with np.load(path) as state:
                    populations, tick = state["populations"], int(state["tick"])
            except FileNotFoundError:
                continue
            except (zipfile.BadZipFile, EOFError, KeyError, ValueError) as error:
                print(
                    f"{path}: is damaged ({type(error).__name__}); an earlier state is used",
                    file=sys.stderr,
                )
                continue
            solver.restore(populations, tick)
            return

    def checkpoint(self, solver: Solver) -> None:
        """Save the state of `solver`, after flushing all earlier frames to disk."""
        self._frames.flush()
        os.fsync(self._frames.fileno())
        partial = self.folder / "checkpoint.partial.npz"
        with partial.open("wb") as file:
            np.savez(file, populations=solver.populations(), tick=solver.tick)
            file.flush()
            os.fsync(file.fileno())
        newest, previous = (self.folder / name for name in CHECKPOINTS)
        if newest.exists():
            newest.replace(previous)
        partial.replace(newest)

    def write(
        self, frame: int, vorticity: Float[np.ndarray, "y x"], force: Float[np.ndarray, " xy=2"]
    ) -> None:
        """Write one frame."""
        record = np.array((force, vorticity), self._record)
        self._frames.seek(frame * self._record.itemsize)
        self._frames.write(record.tobytes())

    def frames(self) -> Iterator[tuple[Float[np.ndarray, "y x"], Float[np.ndarray, " xy=2"]]]:
        """Yield all frames in order."""
        self._frames.seek(0)
        for _ in range(self.street.frames):
            record = np.frombuffer(self._frames.read(self._record.itemsize), self._record)[0]
            yield record["vorticity"], record["force"]

    def remove(self) -> None:
        """Remove the folder after the run file is complete."""
        lock = self.folder / "lock"
        for path in self.folder.iterdir():
            if path != lock:
                path.unlink()
        lock.unlink()
        with suppress(OSError):  # a process that waited already has a lock of its own there
            self.folder.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._frames.close()
        finally:
            os.close(self._lock)
