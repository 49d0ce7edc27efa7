"""Work on a thread, such as writing a file, while the caller continues."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class BackgroundWork:
    """A context manager that does one piece of work at a time on a thread.

    An error of the work is raised by the next :meth:`start` or :meth:`finish`, or at the end of the
    block, unless the block itself failed.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def start(self, work: Callable[[], None]) -> None:
        """Start ``work``, after the one before has finished.

        Raises:
            BaseException: The error of the work before.
        """
        self.finish()
        self._thread = threading.Thread(target=self._run, args=(work,), name="background")
        self._thread.start()

    def finish(self) -> None:
        """Wait for the work, if there is any.

        Raises:
            BaseException: Its error.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._error = error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.finish()
        except BaseException:
            if error is None:
                raise
