"""Commands of the pipeline as processes that start quickly and can be killed at any moment.

Python and torch take seconds to load, and a kill in this time tests little. The commands are
therefore forked from a server that has loaded them; the fork runs the command line itself.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.faults.loaded"])

# Called in the new process before the command, to restrict its resources.
Fault = Callable[[], None]


@dataclass(frozen=True)
class Command:
    """One command: ``program`` is ``rvd`` or ``lbm``, ``made`` are the files that it writes."""

    name: str
    program: str
    arguments: Sequence[str]
    made: Sequence[str]

    def start(self, folder: Path, fault: Fault | None = None) -> BaseProcess:
        """Start the command in ``folder``; its output is written to ``folder/said``."""
        values = (self.program, list(self.arguments), str(folder), fault)
        process = _FORKS.Process(target=_run, args=values)
        process.start()
        return process

    def run(self, folder: Path, fault: Fault | None = None, timeout: float = 120.0) -> int:
        """Run the command and return its exit code; negative if a signal ended it."""
        return finish(self.start(folder, fault), timeout)

    def whole(self, folder: Path) -> None:
        """Run the command and check that it succeeds."""
        code = self.run(folder)
        assert code == 0, f"{self.name} ended with {code}: {said(folder)}"


def finish(process: BaseProcess, timeout: float = 120.0) -> int:
    """Wait for ``process`` and return its exit code; the test fails if it hangs."""
    process.join(timeout)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"a command hung for more than {timeout:.0f} s")
    return process.exitcode


def kill(process: BaseProcess, number: int, after: float) -> bool:
    """Send a signal after ``after`` seconds; return False if the process had ended by then."""
    end = time.monotonic() + after
    while time.monotonic() < end and process.is_alive():
        time.sleep(0.002)
    with suppress(ProcessLookupError):
        if process.is_alive() and process.pid:
            os.kill(process.pid, number)
            return True
    return False


def said(folder: Path) -> str:
    """Return the output of the last command in ``folder``."""
    return (folder / "said").read_text(errors="replace")


def _run(program: str, arguments: list[str], folder: str, fault: Fault | None) -> None:
    os.chdir(folder)
    output = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if fault is not None:
        fault()
    if program == "rvd":
        from rvd.cli import main

        main(arguments)
    else:
        from lbm.cli import app

        sys.argv = ["lbm", *arguments]
        app(prog_name="python -m lbm")
