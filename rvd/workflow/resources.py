"""Resources of the workflow's rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Threads of a conversion that decodes compressed videos. Snakemake lowers it to its cores.
DECODING_THREADS = 16


def growing(amount: int) -> Callable[[Any, int], int]:
    """Return a resource of ``amount`` that doubles and triples at a job's later attempts."""

    def at(wildcards: Any, attempt: int) -> int:
        return amount * min(attempt, 3)

    return at


def conversion_threads(simulated: bool) -> int:
    """Return the threads of a conversion; a simulated flow has nothing to decode."""
    return 1 if simulated else DECODING_THREADS
