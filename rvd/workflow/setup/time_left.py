"""The time until the end of a workflow, printed after each of its jobs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def show_time_left(workflow: Any, logger: logging.Logger) -> None:
    """Print an estimate of the time left after each line of Snakemake that counts finished jobs.

    Several modules of one workflow print it once.

    Args:
        workflow: Snakemake's workflow.
        logger: Snakemake's logger.
    """
    if not any(isinstance(handler, _TimeLeft) for handler in logger.handlers):
        logger.addHandler(_TimeLeft(lambda: workflow.dag, logger.info))


class _TimeLeft(logging.Handler):
    """Observes Snakemake's events of jobs.

    Args:
        dag: Function that returns Snakemake's graph of jobs.
        say: Function called with one line at a time.
        now: Clock, in seconds.
    """

    def __init__(
        self,
        dag: Callable[[], Any],
        say: Callable[[str], object],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(logging.INFO)
        self.dag, self.say, self.now = dag, say, now
        self.began: float | None = None
        self.started: dict[int, tuple[str, float]] = {}
        self.finished: dict[str, list[float]] = {}
        self.ended: set[int] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Count a started or finished job, or print the estimate."""
        event = str(getattr(record, "event", ""))
        details: Any = record.__dict__
        if event == "job_info":
            self.began = self.now() if self.began is None else self.began
            self.started[details["jobid"]] = details["rule_name"], self.now()
        elif event == "job_finished" and details["job_id"] in self.started:
            rule, start = self.started.pop(details["job_id"])
            self.finished.setdefault(rule, []).append(self.now() - start)
            self.ended.add(details["job_id"])
        elif event == "progress" and self.began is not None and details["done"] < details["total"]:
            self._estimate(self.began)

    def _estimate(self, began: float) -> None:
        now, dag = self.now(), self.dag()
        running = {job: now - start for job, (_, start) in self.started.items()}
        busy = sum(map(sum, self.finished.values())) + sum(running.values())
        # Snakemake removes a job that has finished after it has counted it.
        waiting = [
            (job.rule.name, running.get(dag.jobid(job), 0.0))
            for job in dag.needrun_jobs()
            if dag.jobid(job) not in self.ended
        ]
        left = seconds_left(waiting, self.finished, busy / max(now - began, 1e-6))
        if left is not None:
            seconds, complete = left
            self.say(f"{'About' if complete else 'At least'} {_readable(seconds)} left")


def seconds_left(
    jobs: Iterable[tuple[str, float]], finished: Mapping[str, list[float]], at_once: float
) -> tuple[float, bool] | None:
    """Return an estimate of the time that jobs take, from earlier ones of the same rules.

    Args:
        jobs: Rule of each job that is running or waits, and the seconds that it has run.
        finished: Seconds of the finished jobs, by rule.
        at_once: Mean number of jobs that run at the same time.

    Returns:
        Seconds, and whether all rules are known: jobs of a rule of which none has finished are not
        counted. ``all`` only ends the workflow. None if no rule is known.
    """
    means = {rule: sum(seconds) / len(seconds) for rule, seconds in finished.items()}
    jobs = [(rule, ran) for rule, ran in jobs if rule != "all"]
    known = [max(0.0, means[rule] - ran) for rule, ran in jobs if rule in means]
    if not known:
        return None
    return sum(known) / max(at_once, 1.0), len(known) == len(jobs)


def _readable(seconds: float) -> str:
    """Return a duration in its largest unit: ``40 s``, ``6 min``, ``3.5 h``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
