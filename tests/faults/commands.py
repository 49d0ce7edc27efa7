"""The pipeline's commands as processes that can be killed at any moment, and started in no time.

Python and torch take seconds to load, and a kill in those seconds tests little. So the commands
are forked from a server that has loaded them; what runs in the fork is the command line itself.
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

# Called in the new process before the command: to take something away from it.
Handicap = Callable[[], None]


@dataclass(frozen=True)
class Command:
    """One verb of the command line: ``program`` is ``rvd`` or ``lbm``; ``made`` what it writes."""

    name: str
    program: str
    arguments: Sequence[str]
    made: Sequence[str]

    def start(self, folder: Path, handicap: Handicap | None = None) -> BaseProcess:
        """The command at work in ``folder``; what it says goes to ``folder/said``."""
        values = (self.program, list(self.arguments), str(folder), handicap)
        process = _FORKS.Process(target=_run, args=values)
        process.start()
        return process

    def run(self, folder: Path, handicap: Handicap | None = None, patience: float = 120.0) -> int:
        """The exit code of the command, run to its end; negative if a signal ended it."""
        return finish(self.start(folder, handicap), patience)

    def whole(self, folder: Path) -> None:
        """Run it to a good end."""
        code = self.run(folder)
        assert code == 0, f"{self.name} ended with {code}: {said(folder)}"


def finish(process: BaseProcess, patience: float = 120.0) -> int:
    """Wait for ``process``, and give its exit code; one that hangs fails the test."""
    process.join(patience)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"a command hung for more than {patience:.0f} s")
    return process.exitcode


def kill(process: BaseProcess, number: int, after: float) -> bool:
    """Send a signal after so many seconds; False if the process had ended by then."""
    end = time.monotonic() + after
    while time.monotonic() < end and process.is_alive():
        time.sleep(0.002)
    with suppress(ProcessLookupError):
        if process.is_alive() and process.pid:
            os.kill(process.pid, number)
            return True
    return False


def said(folder: Path) -> str:
    """What the last command in ``folder`` wrote to standard output and error."""
    return (folder / "said").read_text(errors="replace")


def _run(program: str, arguments: list[str], folder: str, handicap: Handicap | None) -> None:
    os.chdir(folder)
    output = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if handicap is not None:
        handicap()
    if program == "rvd":
        from rvd.cli import main

        main(arguments)
    else:
        from lbm.cli import app

        sys.argv = ["lbm", *arguments]
        app(prog_name="python -m lbm")
