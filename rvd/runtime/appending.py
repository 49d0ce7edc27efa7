"""Files that a training appends to, which a full disk neither damages nor lets end the training."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from rvd.errors import UserError
from rvd.files import reported

# Bytes that are kept in memory while a file cannot be written.
KEPT = 2**26


def append_whole(path: Path, data: bytes) -> None:
    """Append ``data`` to a file, all of it or nothing.

    Args:
        path: Path of the file; created if it is missing.
        data: Bytes to append.

    Raises:
        UserError: The file cannot be written.
    """
    # Without a buffer, which would keep what failed and write it again when the file is closed.
    with reported(path), path.open("ab", buffering=0) as file:
        end, rest = file.seek(0, os.SEEK_END), memoryview(data)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            with suppress(OSError):
                file.truncate(end)
            raise


class AppendedFile:
    """A file of which the work does not depend: where it cannot be written, the work continues.

    The fault is reported in one line on standard error. What could not be written is kept in memory
    (the last 64 MB of it) and written with the next entry after the fault is over.

    Args:
        path: Path of the file; created with the first entry.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting: list[bytes] = []
        self._faulty = False

    def add(self, entry: bytes) -> None:
        """Append ``entry``, and before it those that could not be written."""
        self._waiting.append(entry)
        while len(self._waiting) > 1 and sum(map(len, self._waiting)) > KEPT:
            del self._waiting[0]
        try:
            self.flush()
        except UserError as error:
            if not self._faulty:
                print(
                    f"{error}; the work continues, and what is missing there is written once that "
                    "is possible",
                    file=sys.stderr,
                    flush=True,
                )
            self._faulty = True

    def flush(self) -> None:
        """Write the entries that could not be written.

        Raises:
            UserError: The file still cannot be written.
        """
        if self._waiting:
            append_whole(self.path, b"".join(self._waiting))
        self._waiting, self._faulty = [], False
