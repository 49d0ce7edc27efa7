"""The environment of the workflow's jobs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Bytes from which glibc returns freed memory to the system. So high, it keeps memory instead of
# returning it after each step, which saves a few per cent of a training's time.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": 1 << 30, "MALLOC_TRIM_THRESHOLD_": 1 << 32}


def set_environment() -> None:
    """Set the environment of the jobs that this process starts.

    Rules call ``python``: that of this process, whether or not its environment was activated. A job
    in a container has the ``PATH`` of its image instead.
    """
    here = str(Path(sys.executable).parent)
    paths = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if paths[0] != here:
        os.environ["PATH"] = os.pathsep.join([here, *paths])
    for name, threshold in MALLOC.items():
        os.environ.setdefault(name, str(threshold))
