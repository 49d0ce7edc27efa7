"""HDF5 files that are checked when opened, with one-line error messages.

Text has a fixed length: text of variable length is stored in a heap, and HDF5 hangs when it reads a
damaged heap. Data outside the file are refused (:mod:`lbm.runs.self_contained`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from lbm.runs.self_contained import why_not_self_contained
from rvd.errors import UserError
from rvd.files import reason

# Exceptions that h5py raises on damaged files, found by fuzzing.
HDF5_ERRORS = (KeyError, OSError, RuntimeError, ValueError, TypeError, MemoryError)


def fixed_length_text(*values: str) -> NDArray[Any]:
    """Return one or more strings as an array (value,) of fixed-length text."""
    encoded = [value.encode() for value in values]
    length = max(1, *map(len, encoded))
    return np.array(encoded, h5py.string_dtype(length=length))


def write_attributes(file: h5py.File, values: Mapping[str, Any]) -> None:
    """Set attributes of a file."""
    for key, value in values.items():
        file.attrs[key] = fixed_length_text(value)[0] if isinstance(value, str) else value


def open_member(group: h5py.Group, name: str) -> Any:
    """Open the dataset or group ``name`` of ``group``.

    Raises:
        UserError: Its data lie outside the file.
    """
    if why := why_not_self_contained(group, name):
        raise UserError(f"{group.file.filename}: {name} {why}")
    return group[name]


def open_dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """Open the dataset ``name`` of ``group``, whose values are safe to read.

    Raises:
        UserError: It is not a dataset, or its values have variable length or lie outside the file.
    """
    found = open_member(group, name)
    if not isinstance(found, h5py.Dataset) or found.dtype.hasobject:
        raise UserError(f"{group.file.filename}: {name} is not a dataset of fixed-length values")
    return found


def read_texts(group: h5py.Group, name: str) -> list[str]:
    """Read a dataset (value,) of text.

    Raises:
        UserError: It is not such a dataset.
    """
    found = open_dataset(group, name)
    if found.ndim != 1 or h5py.check_string_dtype(found.dtype) is None:
        raise UserError(f"{group.file.filename}: {name} is not a list of texts")
    try:
        return list(found.asstr()[:])
    except UnicodeDecodeError:
        raise UserError(f"{group.file.filename}: {name} is not in UTF-8") from None


class CheckedFile:
    """An HDF5 file of a known format; use it in a ``with`` block.

    A subclass defines ``FORMAT`` and ``VERSION``, which are attributes of the file, and reads and
    checks the rest in ``_read``.

    Attributes:
        attributes: Attributes of the file as Python types.

    Raises:
        UserError: The file is missing, truncated, inconsistent or of another format.
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
        except HDF5_ERRORS as error:
            self._file.close()
            words = reason(error).strip("'\"")
            raise UserError(f"{path}: is damaged ({words})") from None

    def _attribute(self, key: str) -> Any:
        """Return an attribute as a Python type."""
        if self._file.attrs.get_id(key).dtype.hasobject:
            raise UserError(
                f"{self.path}: attribute '{key}' has variable length: the file is of another "
                "program, or of an earlier version"
            )
        value = self._file.attrs[key]
        if isinstance(value, np.bytes_):
            return value.decode(errors="replace")
        return value.item() if isinstance(value, np.generic) else value

    def _check_format(self) -> None:
        if self.attributes.get("format") != self.FORMAT:
            raise UserError(
                f"{self.path}: has no attribute format='{self.FORMAT}', so is of another program"
            )
        if self.attributes.get("version") != self.VERSION:
            raise UserError(
                f"{self.path}: has format version {self.attributes.get('version')}, "
                f"this program reads {self.VERSION}"
            )

    def _read(self, file: h5py.File) -> None:
        """Read and check the content of the file."""
        raise TypeError(f"{type(self).__name__} reads nothing")

    def close(self) -> None:
        """Close the file; its datasets can no longer be read."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
