"""Results of several threads as streams, in order, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, Full, Queue
from threading import Event
from typing import Any, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

# Results of one stream that are held at most, and seconds between looks at its cancellation.
AHEAD, LOOK = 2, 0.1


def parallel_streams(
    work: Callable[[Job], Iterator[Result]],
    jobs: Iterable[Job],
    threads: int,
    alone: Callable[[Job], bool],
) -> Iterator[tuple[Job, Iterator[Result]]]:
    """Yield each job, in order, with the results that ``work`` yields for it.

    Threads compute results ahead, also of later jobs, but hold at most ``AHEAD`` of each, so memory
    does not grow with the number of results. Each job's results must be consumed before the next
    job is taken.

    Args:
        work: Function that yields the results of a job.
        jobs: Jobs.
        threads: Number of threads; at most twice as many jobs are started ahead.
        alone: Function that returns True for jobs that start only when their results are consumed,
            since each takes much memory.
    """
    remaining = iter(jobs)
    cancelled = Event()
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[tuple[Job, _Stream]] = deque()
        try:
            while True:
                for job in remaining:
                    stream = _Stream(cancelled)
                    pool.submit(stream.fill, work, job, alone)
                    waiting.append((job, stream))
                    if len(waiting) >= 2 * threads:
                        break
                if not waiting:
                    return
                job, stream = waiting.popleft()
                yield job, stream.results()
        finally:
            cancelled.set()


class _Stream:
    """Results of one job, passed from the thread that computes them to the one that uses them."""

    def __init__(self, cancelled: Event) -> None:
        self._cancelled = cancelled
        self._turn = Event()
        self._queue: Queue[tuple[str, Any]] = Queue(AHEAD)

    def fill(
        self, work: Callable[[Any], Iterator[Any]], job: Any, alone: Callable[[Any], bool]
    ) -> None:
        """Compute the results, in a thread of the pool."""
        try:
            if alone(job):
                while not self._turn.wait(LOOK):
                    if self._cancelled.is_set():
                        return
            for result in work(job):
                if not self._put("result", result):
                    return
            self._put("end", None)
        except BaseException as error:
            self._put("error", error)

    def _put(self, kind: str, value: Any) -> bool:
        """Put an item when there is room; return False once the streams are cancelled."""
        while not self._cancelled.is_set():
            try:
                self._queue.put((kind, value), timeout=LOOK)
            except Full:
                continue
            return True
        return False

    def results(self) -> Iterator[Any]:
        """Yield the results, and raise the error that ended them."""
        self._turn.set()
        while True:
            try:
                # With a limit, so that signals are handled.
                kind, value = self._queue.get(timeout=LOOK)
            except Empty:
                continue
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value
