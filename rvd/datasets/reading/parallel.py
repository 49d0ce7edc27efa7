"""Work on many videos at once, handed on in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))


def in_order(
    work: Callable[[Job], Result], jobs: Iterable[Job], threads: int | None = None
) -> Iterator[Result]:
    """The results of ``work`` on ``jobs``, in their order, computed by ``threads`` threads.

    Threads, not processes: decoding, inflating, resizing and checksums all release Python's lock,
    and results need no copying. At most two results a thread are held, so that memory does not grow
    with the number of jobs. After an error the jobs that have not begun are dropped.
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
