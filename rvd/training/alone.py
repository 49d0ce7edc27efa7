"""One training per folder: the lock on the checkpoints, and the agreement of several processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import reduce

from rvd.runtime.locks import PAUSE, Lock
from rvd.runtime.signals import Interrupted, StopRequest

# Seconds between two exchanges of the processes' flags: each makes all of them wait.
PERIOD = 2.0
MOST_CALLS = 100


class SharedFlags:
    """Flags of several processes, which all of them see True at the same call.

    They are exchanged at the first call, and then about every ``PERIOD`` seconds. With one process
    nothing is exchanged, and flags are seen at once.

    Args:
        accelerator: Processes of this training.
    """

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self._calls, self._every, self._start = 0, 1, time.monotonic()

    def in_any_process(self, *flags: bool) -> tuple[bool, ...]:
        """Return for each flag whether it is True in any process; False between two exchanges."""
        if self.accelerator.num_processes == 1:
            return flags
        self._calls += 1
        if self._calls < self._every:
            return (False,) * len(flags)
        seconds = (time.monotonic() - self._start) / self._calls
        values = torch.tensor([*map(float, flags), seconds], device=self.accelerator.device)
        # The mean of the processes' times, so that all choose the same next call.
        *seen, mean = self.accelerator.reduce(values, "mean").tolist()
        self._every = min(max(int(PERIOD / max(mean, 1e-6)), 1), MOST_CALLS)
        self._calls, self._start = 0, time.monotonic()
        return tuple(value > 0 for value in seen)


def in_any_process(processes: PartialState, flag: bool) -> bool:
    """Return whether ``flag`` is True in any of the processes; the answer is the same in all."""
    if processes.num_processes == 1:
        return flag
    return bool(reduce(torch.tensor(float(flag), device=processes.device), "sum") > 0)


@contextmanager
def sole_trainer(folder: Path, processes: PartialState, stop: StopRequest) -> Iterator[None]:
    """Hold ``folder`` for one training; wait, with a message, while another trainer does.

    Of several processes the main one locks for all of them, and all wait: they must read the same
    checkpoint afterwards.

    Args:
        folder: Folder of the checkpoints; created if it is missing.
        processes: Processes of this training.
        stop: Request to stop, obeyed while waiting.

    Raises:
        Interrupted: TERM or INT came while waiting.
        UserError: The folder cannot be written, or its file system does not support locks.
    """
    with Lock(folder, "lock") if processes.is_main_process else nullcontext() as lock:
        waited = False
        # Each attempt is an exchange between all processes, so none of them waits past a timeout.
        while not in_any_process(processes, lock is not None and lock.acquire()):
            if lock is not None and not waited:
                lock.announce("trainer")
            waited = True
            if in_any_process(processes, stop.signal is not None):
                name = stop.signal.name if stop.signal else "another process was asked to stop"
                raise Interrupted(
                    f"{name}: stopped while waiting for another trainer in {folder}; run the same "
                    "command to resume"
                )
            time.sleep(PAUSE)
        yield
