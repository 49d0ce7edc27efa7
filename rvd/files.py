"""Files that are written whole or not at all, and what wrote them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from rvd.errors import UserError

PACKAGES = ("rvd", "torch", "numpy", "h5py")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``; moved onto it when the block succeeds, else removed.

    Raises:
        UserError: the folder cannot be written, or the disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({reason(error)})") from error
    finally:
        partial.unlink(missing_ok=True)


def reason(error: OSError) -> str:
    """The system's words for ``error``, without the path."""
    return error.strerror or str(error).splitlines()[0]


def software() -> dict[str, str]:
    """Name → version of the packages that results depend on."""
    return {package: version(package) for package in PACKAGES}
