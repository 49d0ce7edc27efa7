"""Standard error with a copy in a log file, of which neither ends the work when it fails."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from rvd.files import reason, reported


class Log:
    """A log file; text that cannot be written is lost.

    Args:
        path: Path of the log; its folder is created if it is missing.
        keep: Keep the previous content, as other processes write there, too.

    Raises:
        UserError: The file cannot be opened.
    """

    def __init__(self, path: Path, *, keep: bool) -> None:
        self.path = path
        with reported(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Without a buffer, which would keep what failed until the process ends.
            self._file = path.open("ab" if keep else "wb", buffering=0)

    def __str__(self) -> str:
        return str(self.path)

    def write(self, text: str) -> None:
        """Write ``text``."""
        rest = memoryview(text.encode(errors="backslashreplace"))
        while rest:
            rest = rest[self._file.write(rest) :]


class StandardError(io.TextIOBase):
    """A stream for ``sys.stderr`` that writes to a terminal, pipe or file, and to a log.

    A training lasts for days: it does not end because its messages cannot be written, as on a full
    disk or after the terminal was closed. A message says so on the other of the two streams.

    Args:
        stream: The previous ``sys.stderr``.
        log: Log file, or None.
    """

    def __init__(self, stream: TextIO, log: Log | None = None) -> None:
        self.stream, self.log = stream, log
        self._faulty: set[str] = set()
        self._notice = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Encoding of the terminal, by which a progress bar chooses its characters."""
        return self.stream.encoding or "utf-8"

    def write(self, text: str) -> int:
        """Write ``text`` to both."""
        self._to_log(text)
        # On a line of its own.
        said = self._notice if text.endswith("\n") else ""
        try:
            self.stream.write(f"{text}{said}")
        except OSError as error:
            if "stream" not in self._faulty:
                self._faulty.add("stream")
                self._to_log(f"standard error: cannot be written ({reason(error)})\n")
        else:
            self._faulty.discard("stream")
            self._notice = "" if said else self._notice
        return len(text)

    def _to_log(self, text: str) -> None:
        try:
            if self.log is not None:
                self.log.write(text)
        except OSError as error:
            if "log" not in self._faulty:
                self._notice = (
                    f"{self.log}: cannot be written ({reason(error)}); the work continues without "
                    "this log\n"
                )
            self._faulty.add("log")
        else:
            self._faulty.discard("log")

    def flush(self) -> None:
        """Flush the terminal, pipe or file; the log has no buffer."""
        with suppress(OSError):
            self.stream.flush()

    def isatty(self) -> bool:
        """Return whether the previous ``sys.stderr`` is a terminal."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """Return the file descriptor of the previous ``sys.stderr``."""
        return self.stream.fileno()


def discard_unwritten() -> None:
    """Discard what standard error could not write.

    Python tries again at the end of the process, and would then end with code 120.
    """
    try:
        if sys.__stderr__ is not None:
            sys.__stderr__.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
