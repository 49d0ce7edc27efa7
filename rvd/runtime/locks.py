"""The lock that keeps two processes from writing into one folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rvd.errors import UserError


@contextmanager
def exclusive(folder: Path, name: str = "lock", who: str = "trainer") -> Iterator[None]:
    """Hold ``folder`` for this process alone; the lock ends with the process, however that ends.

    Args:
        folder: Folder of the work; created if it is missing.
        name: File name of the lock.
        who: Kind of process that may hold it, for the error message.

    Raises:
        UserError: Another process holds it, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{folder}: another {who} is at work there") from None
        yield
    finally:
        os.close(lock)
