"""Requests to stop: TERM and INT let work be saved before the process ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# EX_TEMPFAIL of sysexits.h: the work is not done, and the same command resumes it.
INTERRUPTED = 75


class Interrupted(Exception):  # noqa: N818 (requested, so not an error)
    """Work was stopped on request and saved; the same command resumes it."""


class StopRequest:
    """Handler of TERM and INT that records the signal. A second INT stops without saving."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Record the signal."""
        if self.signal == signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number)


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Record TERM and INT within the block instead of ending the process."""
    request = StopRequest()
    before = {number: signal.signal(number, request) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def readers_alive() -> Iterator[None]:
    """Report that a process that reads clips was killed within the block, as by the system.

    Raises:
        Interrupted: A process was killed.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):  # torch's words
            raise
        raise Interrupted(
            "a process that reads clips was killed, perhaps because memory was exhausted; the last "
            "checkpoint is kept: run the same command to resume, with a smaller training.workers "
            "if it happens again"
        ) from error
