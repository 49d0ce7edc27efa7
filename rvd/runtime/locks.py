"""Locks that keep two processes from writing into one folder.

Each is an ``flock`` on a file, and ends with the process that holds it, however that ends: after a
kill or a power failure nothing has to be unlocked.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from rvd.errors import UserError

# Seconds between two attempts to take a lock. A blocking `flock` would return to Python's handlers
# of signals only if they raise, and the trainer's do not.
PAUSE = 0.5
_NOT_SUPPORTED = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)


class Lock:
    """A lock file of one folder; a context manager that releases the lock.

    Args:
        folder: Folder of the work; created if it is missing.
        name: File name of the lock.

    Raises:
        UserError: The folder cannot be written.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Closed in the processes that this one starts: they must not hold the lock after it.
            self._file = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UserError(f"{folder}: cannot be written ({error.strerror})") from error

    def acquire(self) -> bool:
        """Return whether this process holds the lock now, without waiting.

        Raises:
            UserError: The file system does not support locks.
        """
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NOT_SUPPORTED:
                raise
            raise UserError(
                f"{self.folder}: the file system does not support locks ({error.strerror}); mount "
                "it with support for flock, or set `root` to a folder elsewhere"
            ) from error
        return True

    def announce(self, who: str) -> None:
        """Print on standard error that this process waits for another ``who``."""
        print(f"waiting for another {who} at work in {self.folder}", file=sys.stderr, flush=True)

    def release(self) -> None:
        """Release the lock, if it is held."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


@contextmanager
def exclusive(folder: Path, name: str, who: str) -> Iterator[bool]:
    """Hold ``folder`` for this process alone; wait, with a message, while another process does.

    Yields True if it waited: the other process may have finished the work.

    Args:
        folder: Folder of the work; created if it is missing.
        name: File name of the lock.
        who: Kind of process that may hold it, for the message.

    Raises:
        UserError: The folder cannot be written, or its file system does not support locks.
    """
    with Lock(folder, name) as lock:
        waited = False
        while not lock.acquire():
            if not waited:
                lock.announce(who)
            waited = True
            time.sleep(PAUSE)
        yield waited


# Never released by this process.
_held: dict[Path, Lock] = {}


def hold(path: Path, who: str) -> None:
    """Lock the file ``path`` until this process ends; again has no effect.

    Args:
        path: Lock file; created if it is missing.
        who: Kind of process that may hold it, for the error message.

    Raises:
        UserError: Another process holds it, the folder cannot be written, or its file system does
            not support locks.
    """
    resolved = path.absolute()
    if resolved in _held:
        return
    lock = Lock(path.parent, path.name)
    if not lock.acquire():
        lock.release()
        raise UserError(
            f"{path.parent.absolute()}: another {who} is at work there; wait until it ends, or "
            "stop it"
        )
    _held[resolved] = lock
