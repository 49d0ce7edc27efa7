"""Ordered results from several threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))


def parallel_map(
    work: Callable[[Job], Result], jobs: Iterable[Job], threads: int | None = None
) -> Iterator[Result]:
    """Yield the result of ``work`` for each job, in order, computed by ``threads`` threads.

    Threads rather than processes, since decoding, decompression, resizing and checksums all release
    the global interpreter lock, and results need not be copied. At most two results per thread are
    held, so memory does not grow with the number of jobs. After an error, jobs that have not
    started are cancelled.
    """
    workers = threads or cores()
    remaining = iter(jobs)
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for job in remaining:
                waiting.append(pool.submit(work, job))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
