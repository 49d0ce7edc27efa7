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
