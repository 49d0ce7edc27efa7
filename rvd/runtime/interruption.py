"""Being asked to stop, and the lock that keeps two trainers apart."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rvd.errors import UserError

# sysexits.h: EX_TEMPFAIL. "Not done, but the same command again will go on."
INTERRUPTED = 75


class Interrupted(Exception):  # noqa: N818 (asked for, so no error)
    """Work stopped on request and was saved; the same command goes on with it."""


class StopRequest:
    """Whether TERM or INT has come. A second INT stops at once, without saving."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Note the signal."""
        if self.signal == signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number)


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Within the block, TERM and INT are noted instead of obeyed."""
    request = StopRequest()
    before = {number: signal.signal(number, request) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def exclusive(folder: Path, name: str = "lock", who: str = "trainer") -> Iterator[None]:
    """Hold ``folder`` for this process alone; the lock goes with the process, however it ends.

    The lock is the file ``name``; ``who`` else may hold it is named in the message.

    Raises:
        UserError: another process holds it, or it cannot be written.
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
