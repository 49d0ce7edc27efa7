"""Atomic writing of files, its errors, and the versions and commit of the software."""

from __future__ import annotations

import errno
import fcntl
import glob
import hashlib
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rvd.errors import UserError

# Errors of the system when the disk, the quota or the limit of a file's size is exhausted.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DISK_FULL_MESSAGES = [os.strerror(code) for code in DISK_FULL]

# Errors of a disk that is written; they name no file.
_DISK_ERRORS = (errno.EIO, errno.EROFS, errno.ESTALE)

# A temporary folder, or a temporary file of an earlier version; not a partial file that is resumed.
_TEMPORARY = re.compile(r"\.\d+(-[0-9a-f]{8})?\.partial$")
_LOCK = "lock"
_SECONDS_OF_A_DAY = 86400

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

    Readers see the old file or the complete new one, never a part of it. What a killed process left
    is removed by the next call for the same path.

    Raises:
        UserError: The folder cannot be written, or the disk is full.
    """
    with reported(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(path) as folder:
            partial = folder / path.name
            yield partial
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(path)


@contextmanager
def temporary_folder(path: Path, mode: int = 0o777) -> Iterator[Path]:
    """Yield a new, hidden folder next to ``path``, which is removed after the block.

    If the process is killed, the next call for the same ``path`` removes it: a lock, which ends
    with its process, tells whether a folder is in use.

    Args:
        path: Path of what is made in the folder; its parent exists.
        mode: Permissions of the folder, which the umask restricts.

    Raises:
        OSError: The folder cannot be created.
    """
    remove_abandoned(path.parent, path.name)
    folder, lock = _create_locked(path, mode)
    try:
        yield folder
    finally:
        os.close(lock)  # first, since a network file system keeps files that are open
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(folder: Path, name: str | None = None) -> None:
    """Remove what killed processes left in ``folder`` while they wrote files.

    Args:
        folder: Folder of the files; it may be missing.
        name: Name of the file; None for all files.
    """
    names = "*" if name is None else glob.escape(name)
    for path in folder.glob(f".{names}.*.partial"):
        if not _TEMPORARY.search(path.name):
            continue
        with suppress(OSError):
            if path.is_file():  # of an earlier version, which had no lock
                if time.time() - path.stat().st_mtime > _SECONDS_OF_A_DAY:
                    path.unlink()
            elif not (path / _LOCK).exists():  # killed before it was locked
                path.rmdir()
            elif (lock := _try_lock(path / _LOCK, 0)) is not None:
                os.close(lock)
                shutil.rmtree(path, ignore_errors=True)


def _create_locked(path: Path, mode: int) -> tuple[Path, int]:
    """Create a hidden folder next to ``path``; return it and its open, locked file."""
    while True:
        folder = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
        folder.mkdir(mode)
        try:
            lock = _try_lock(folder / _LOCK, os.O_CREAT)
        except FileNotFoundError:
            continue  # another process took the folder for an abandoned one
        except OSError:
            folder.rmdir()
            raise
        if lock is not None:
            return folder, lock


def _try_lock(path: Path, flags: int) -> int | None:
    """Return the open, locked file; None if another process holds it or has removed it."""
    lock = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o666)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # On a file system without locks a new folder is used, and no other is removed.
            if isinstance(error, BlockingIOError) or not flags:
                raise
        if os.path.samestat(os.fstat(lock), path.stat()):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(lock)
        raise
    os.close(lock)
    return None


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
        # Its temporary files lie next to it, or in a folder there.
        near = file if file.parent == own.parent else file.parent
        return (near.parent == own.parent and own.name in near.name) or file in own.parents
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
