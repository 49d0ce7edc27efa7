"""HDF5 files opened for reading and checked at once, with faults named in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import h5py
import numpy as np

from rvd.errors import UserError
from rvd.files import reason


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
            self.attributes = {key: _plain(value) for key, value in self._file.attrs.items()}
            self._check_format()
            self._read(self._file)
        except UserError:
            self._file.close()
            raise
        except (KeyError, OSError, RuntimeError) as error:
            self._file.close()
            words = str(error).strip("'\"").splitlines()[0]
            raise UserError(f"{path}: is damaged ({words})") from None

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


def _plain(value: Any) -> Any:
    """An attribute as Python's own type."""
    return value.item() if isinstance(value, np.generic) else value
