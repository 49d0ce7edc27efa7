"""Restrictions of a command's resources, applied in its process before it starts."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import itertools
import os
import resource
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

LINUX_CAPABILITIES = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
CAPABILITY_VERSION = 0x20080522


def small_disk(size: int = 20_000) -> None:
    """Limit files to ``size`` bytes, so that writing more fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def little_memory() -> None:
    """Limit memory to 64 MB more than is in use."""
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    limit = used + 64 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def no_special_rights() -> None:
    """Drop root's right to ignore file permissions, as for other users."""
    if os.geteuid():
        return
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    data = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capget(header, data):
        raise OSError(ctypes.get_errno(), "capget")
    taken = sum(1 << number for number in LINUX_CAPABILITIES)
    for place in range(3):  # effective, permitted, inheritable
        data[place] &= ~taken
    if libc.capset(header, data):
        raise OSError(ctypes.get_errno(), "capset")


def jumping_clock() -> None:
    """Make the time of day jump by a year, back and forth, each time it is read."""
    true, jumps = time.time, itertools.cycle((0.0, 365.25 * 86400, -365.25 * 86400))
    time.time = lambda: true() + next(jumps)


def failing_writes(code: int, *names: str) -> partial:
    """Return a fault: writing files whose path contains one of ``names`` fails with ``code``."""
    return partial(_patch_open, code, names, writing=True)


def failing_reads(code: int, *names: str) -> partial:
    """Return a fault: reading files whose path contains one of ``names`` fails with ``code``."""
    return partial(_patch_open, code, names, writing=False)


def _patch_open(code: int, names: tuple[str, ...], writing: bool) -> None:
    true = Path.open

    def open_(path: Path, mode: str = "r", *how: Any, **also: Any) -> Any:
        file = true(path, mode, *how, **also)
        of_kind = (mode[0] in "wa") == writing
        return (
            _Failing(file, code) if of_kind and any(name in str(path) for name in names) else file
        )

    Path.open = open_


class _Failing:
    """A file that opens, but can neither be read nor written."""

    def __init__(self, file: Any, code: int) -> None:
        self.file, self.code = file, code

    def fail(self, *arguments: Any) -> None:
        raise OSError(self.code, os.strerror(self.code))

    read = readinto = readall = write = fail

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()


def no_locks() -> None:
    """Let the file system support no locks."""

    def flock(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    fcntl.flock = flock


def full_standard_error() -> None:
    """Connect standard error to a file on a full disk."""
    os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
