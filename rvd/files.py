"""Files that are written whole or not at all, and what wrote them."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rvd.errors import UserError

# What the system says when there is no room: disk, quota, or limit of a file's size.
_NO_ROOM = [os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)]

PACKAGES = ("rvd", "torch", "numpy", "h5py")


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Within the block, an error of the system becomes one line about ``path``.

    Raises:
        UserError: the folder cannot be written, or the disk is full.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        if (fault := _system_error(error)) is None:
            raise
        raise UserError(f"{path}: cannot be written ({reason(fault)})") from error


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``; moved onto it when the block succeeds, else removed.

    Raises:
        UserError: the folder cannot be written, or the disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with reported(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def _system_error(error: BaseException | None) -> Exception | None:
    """The error of the system behind ``error``: libraries raise others while they handle it."""
    while error is not None:
        if isinstance(error, OSError) or (isinstance(error, RuntimeError) and _no_room(error)):
            return error
        error = error.__context__
    return None


def reason(error: Exception) -> str:
    """The system's words for ``error``, in one line and without the path."""
    # HDF5 hides the system's words in a paragraph of its own.
    hidden = re.search(r"error message = '([^']+)'", str(error))
    if words := _no_room(error) or (hidden and hidden[1]):
        return words
    words = str(error).splitlines() or [type(error).__name__]
    return getattr(error, "strerror", None) or words[0]


def silence_repeated_disk_full() -> None:
    """From now on, leave out what HDF5 says once more of a disk without room.

    It tries again to write when a file is dropped. Cython prints that error by ``excepthook``, and
    then that it is ignored by ``unraisablehook``.
    """

    def uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not (isinstance(error, Exception) and _no_room(error)):
            sys.__excepthook__(kind, error, trace)

    def unraisable(about: Any) -> None:
        if not (isinstance(about.exc_value, Exception) and _no_room(about.exc_value)):
            sys.__unraisablehook__(about)

    sys.excepthook, sys.unraisablehook = uncaught, unraisable


def _no_room(error: Exception) -> str | None:
    return next((words for words in _NO_ROOM if words in str(error)), None)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def software() -> dict[str, str]:
    """Name → version of the packages that results depend on."""
    return {package: version(package) for package in PACKAGES}
