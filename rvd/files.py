"""Atomic writing of files, its errors, and the versions and commit of the software."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rvd.errors import UserError

# Messages of the system when the disk, the quota or the limit of a file's size is exhausted.
_DISK_FULL_MESSAGES = [os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)]

# Errors of a disk that is written; they name no file.
_DISK_ERRORS = (errno.EIO, errno.EROFS, errno.ESTALE)

PACKAGES = ("rvd", "torch", "numpy", "h5py")


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Report an error of the system in writing ``path`` within the block as one line.

    Errors of other files, as of an input that is read within the block, are raised as they are.

    Raises:
        UserError: The folder cannot be written, or the disk is full.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        if (fault := _system_error(error)) is None or not _concerns(fault, path):
            raise
        raise UserError(f"{path}: cannot be written ({reason(fault)})") from error


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` when the block succeeds, else is removed.

    Readers see the old file or the complete new one, never a part of it.

    Raises:
        UserError: The folder cannot be written, or the disk is full.
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
    """Return the error of the system behind ``error``, which libraries hide in errors of theirs."""
    while error is not None:
        if isinstance(error, OSError) or (
            isinstance(error, RuntimeError) and _disk_full_message(error)
        ):
            return error
        error = error.__context__
    return None


def _concerns(error: Exception, path: Path) -> bool:
    """Return True where an error is about ``path``, a temporary file of it, or a folder above it.

    Errors of reading and writing do not name their file. Of these, it is those of a disk, as far as
    they do not say that something was read, and those of HDF5 that name the file or a writing step.
    """
    text = str(error)
    # HDF5 names the file in its message.
    named = re.search(r"\bname = '([^']+)'", text)
    if filename := getattr(error, "filename", None) or (named and named[1]):
        file, own = Path(os.fsdecode(filename)).absolute(), path.absolute()
        of_path = file.parent == own.parent and own.name in file.name
        return of_path or file in own.parents
    if _disk_full_message(error):
        return True
    hdf5 = re.search(r"\b(?:Can't|Unable to) (?:synchronously )?(\w+)", text)
    if hdf5:
        return hdf5[1] not in ("read", "open")
    return getattr(error, "errno", None) in _DISK_ERRORS


def reason(error: Exception) -> str:
    """Return the system's message of ``error``, in one line and without the path."""
    # HDF5 hides it in a paragraph of its own.
    hidden = re.search(r"error message = '([^']+)'", str(error))
    if words := _disk_full_message(error) or (hidden and hidden[1]):
        return words
    words = str(error).splitlines() or [type(error).__name__]
    return getattr(error, "strerror", None) or words[0]


def silence_repeated_disk_full() -> None:
    """Suppress the messages by which HDF5 repeats that the disk is full.

    HDF5 tries again to write when a file object is deleted. Cython prints that error through
    ``excepthook``, and then through ``unraisablehook`` that it is ignored.
    """

    def uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not (isinstance(error, Exception) and _disk_full_message(error)):
            sys.__excepthook__(kind, error, trace)

    def unraisable(about: Any) -> None:
        if not (isinstance(about.exc_value, Exception) and _disk_full_message(about.exc_value)):
            sys.__unraisablehook__(about)

    sys.excepthook, sys.unraisablehook = uncaught, unraisable


def _disk_full_message(error: Exception) -> str | None:
    return next((words for words in _DISK_FULL_MESSAGES if words in str(error)), None)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def software() -> dict[str, str]:
    """Return the versions of the packages that results depend on, by name."""
    return {package: version(package) for package in PACKAGES}


@cache
def commit() -> str:
    """Return the checkout's commit, with ``-dirty`` where files differ from it; empty outside one.

    It is determined once per process: the code that runs was imported at its start.
    """
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    folder = Path(__file__).parent
    try:
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return run.stdout.strip()
