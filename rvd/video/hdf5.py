"""HDF5 files opened for reading and checked at once, with faults named in one line.

Text has a fixed length in them. That of variable length lies in a heap, which HDF5 reads without
end when some bytes of it are damaged. Data that lie outside of the file are refused
(:mod:`lbm.self_contained`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from lbm.self_contained import why_not_self_contained
from rvd.errors import UserError
from rvd.files import reason

# What h5py raises on damaged files, as fuzzing found.
FAULTS = (KeyError, OSError, RuntimeError, ValueError, TypeError, MemoryError)


def text(*values: str) -> NDArray[Any]:
    """``values`` (one or more) as text of a fixed length, (value,)."""
    encoded = [value.encode() for value in values]
    length = max(1, *map(len, encoded))
    return np.array(encoded, h5py.string_dtype(length=length))


def describe(file: h5py.File, values: Mapping[str, Any]) -> None:
    """Set the file's attributes."""
    for key, value in values.items():
        file.attrs[key] = text(value)[0] if isinstance(value, str) else value


def member(group: h5py.Group, name: str) -> Any:
    """The dataset or group ``name`` of ``group``.

    Raises:
        UserError: its data lie outside of the file.
    """
    if why := why_not_self_contained(group, name):
        raise UserError(f"{group.file.filename}: {name} {why}")
    return group[name]


def dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """The dataset ``name`` of ``group``, whose values are safe to read.

    Raises:
        UserError: it is none, has values of variable length, or has them outside of the file.
    """
    found = member(group, name)
    if not isinstance(found, h5py.Dataset) or found.dtype.hasobject:
        raise UserError(f"{group.file.filename}: {name} is no dataset of values of a fixed length")
    return found


def texts(group: h5py.Group, name: str) -> list[str]:
    """The values of a dataset (value,) of text.

    Raises:
        UserError: it is no such dataset.
    """
    found = dataset(group, name)
    if found.ndim != 1 or h5py.check_string_dtype(found.dtype) is None:
        raise UserError(f"{group.file.filename}: {name} is no list of texts")
    try:
        return list(found.asstr()[:])
    except UnicodeDecodeError:
        raise UserError(f"{group.file.filename}: {name} is not in UTF-8") from None


class CheckedFile:
    """An HDF5 file of a known format; use it in a ``with`` block.

    A subclass names its ``FORMAT`` and ``VERSION``, which stand in the file's attributes, and reads
    and checks the rest in ``_read``. ``attributes`` are the file's, as Python's own types.

    Raises:
        UserError: the file is missing, truncated, foreign, or inconsistent.
    """

    FORMAT: ClassVar[str]
    VERSION: ClassVar[int]

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = h5py.File(path, "r")
        except FileNotFoundError:
            raise UserError(f"{path}: there is no such file") from None
        except OSError as error:
            raise UserError(f"{path}: is not a readable HDF5 file ({reason(error)})") from None
        try:
            self.attributes = {key: self._attribute(key) for key in self._file.attrs}
            self._check_format()
            self._read(self._file)
        except UserError:
            self._file.close()
            raise
        except FAULTS as error:
            self._file.close()
            words = reason(error).strip("'\"")
            raise UserError(f"{path}: is damaged ({words})") from None

    def _attribute(self, key: str) -> Any:
        """An attribute as Python's own type."""
        if self._file.attrs.get_id(key).dtype.hasobject:
            raise UserError(
                f"{self.path}: attribute '{key}' is of variable length: the file is foreign, or of "
                "an earlier version"
            )
        value = self._file.attrs[key]
        if isinstance(value, np.bytes_):
            return value.decode(errors="replace")
        return value.item() if isinstance(value, np.generic) else value

    def _check_format(self) -> None:
        if self.attributes.get("format") != self.FORMAT:
            raise UserError(f"{self.path}: has no attribute format='{self.FORMAT}', so is foreign")
        if self.attributes.get("version") != self.VERSION:
            raise UserError(
                f"{self.path}: has format version {self.attributes.get('version')}, "
                f"this program reads {self.VERSION}"
            )

    def _read(self, file: h5py.File) -> None:
        """Read and check what the file holds."""
        raise TypeError(f"{type(self).__name__} reads nothing")

    def close(self) -> None:
        """Close the file; its datasets cannot be read after that."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
