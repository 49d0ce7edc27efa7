"""Files that are written whole or not at all, and what wrote them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

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
def written_whole(path: Path) -> Iterator[Path]:
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
    return _no_room(error) or getattr(error, "strerror", None) or str(error).splitlines()[0]


def _no_room(error: Exception) -> str | None:
    return next((words for words in _NO_ROOM if words in str(error)), None)


def software() -> dict[str, str]:
    """Name → version of the packages that results depend on."""
    return {package: version(package) for package in PACKAGES}
