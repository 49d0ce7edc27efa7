"""Several processes that train as one, started by torchrun."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

# Seconds that torchrun leaves the processes, once it was asked to stop, to end their step and save.
GRACE = 90


def launched() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def relaunch(processes: int, threads: int | None, arguments: Sequence[str]) -> None:
    """Become torchrun, which runs ``python -m rvd *arguments`` in ``processes`` processes.

    Does not return. This process is replaced, so that a signal sent to it reaches torchrun, which
    hands it on. The processes find each other on this machine; for several machines, start torchrun
    on each (``docs/cluster.md``).

    Args:
        processes: one for each GPU.
        threads: CPU threads of each process; None for one.
        arguments: of the command line.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads or 1)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={processes}", f"--shutdown-timeout={GRACE}", "-m", "rvd"]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [*command, *arguments])
