"""Distributed training: processes that torchrun starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

# Seconds for which torchrun, asked to stop, waits for the processes to end their step and save.
GRACE = 90


def launched() -> bool:
    """Return whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def relaunch(processes: int, threads: int | None, arguments: Sequence[str]) -> None:
    """Replace this process by torchrun, which runs ``python -m rvd *arguments`` several times.

    Does not return. As the process is replaced, a signal sent to it reaches torchrun, which passes
    it on. The processes find each other on this machine; for several machines, start torchrun on
    each (``docs/cluster.md``).

    Args:
        processes: Number of processes, one for each GPU.
        threads: CPU threads of each process; None for one.
        arguments: Arguments of the command line.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads or 1)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={processes}", f"--shutdown-timeout={GRACE}", "-m", "rvd"]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [*command, *arguments])
