"""A fault is reported in one line, and the same command recovers after its cause is removed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.faults import tally
from tests.faults.commands import Command, Fault, finish, kill, said
from tests.faults.pipeline import CHECKPOINTS, ReferenceRun


def ends_in_one_line(command: Command, folder: Path, fault: Fault | None = None) -> str:
    """Run a command that must fail like a user error, and return its error message."""
    code = command.run(folder, fault)
    program = "rvd: " if command.program == "rvd" else f"{command.made[0]}: "
    lines = [line for line in said(folder).splitlines() if line.startswith(program)]
    if command.program == "lbm":  # which describes the run in a line of its own
        lines = [line for line in lines if "cannot" in line]
    assert code == (2 if command.program == "rvd" else 1), (code, said(folder))
    assert len(lines) == 1, said(folder)
    assert "Traceback" not in said(folder)
    return lines[0]


def continues(command: Command, folder: Path, fault: Fault | None = None) -> str:
    """Run a command that must succeed in spite of the fault, and return what it printed."""
    assert command.run(folder, fault) == 0, said(folder)
    assert "Traceback" not in said(folder)
    return said(folder)


def assert_recovers(reference: ReferenceRun, command: Command, folder: Path, fault: str) -> None:
    """Check that the same command gives the reference result after the cause is removed."""
    command.whole(folder)
    reference.check(command.name, folder)
    tally.faults.append(fault)


def stopped_midway(reference: ReferenceRun, folder: Path, number: int = signal.SIGTERM) -> Command:
    """Stop the trainer after some checkpoints."""
    command = reference.before("trainer", folder)
    process = command.start(folder)
    wait_for(lambda: len(list((folder / CHECKPOINTS).glob("step-*.sha256"))) >= 2)
    assert kill(process, number, 0)
    code = finish(process)
    if number == signal.SIGTERM:
        assert code == 75, said(folder)
        assert "run the same command to resume" in said(folder)
    return command


def killed_when(reference: ReferenceRun, name: str, folder: Path, pattern: str) -> Command:
    """Kill a command as soon as a file that matches ``pattern`` has content."""
    command = reference.before(name, folder)
    process = command.start(folder)
    wait_for(lambda: any(path.stat().st_size for path in folder.glob(pattern)))
    os.kill(process.pid, signal.SIGKILL)
    assert finish(process) == -signal.SIGKILL
    return command


def wait_for(happened) -> None:
    """Wait until ``happened`` returns True, for a minute at most."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if happened():
                return
        except FileNotFoundError:
            pass
        time.sleep(0.002)
    raise AssertionError("it did not happen within a minute")
