"""Retries of the workflow's jobs: none after a failure that would repeat itself.

Snakemake retries a failed job whatever its exit code, and has no setting for that. A verb that
fails for a reason that another attempt would meet again, such as a faulty config or a damaged
input, leaves a mark next to its log, and jobs with a mark are not retried. Those that were
interrupted, killed, or stopped by a full disk, a lack of memory or a network leave none.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rvd.files import atomic_write

SUFFIX = ".failed"

# End of the command of a rule whose log is not written by `rvd`; braces as Snakemake needs them.
MARK_EXIT_CODE_2 = (
    f" || {{{{ code=$?; [ $code -ne 2 ] || cp {{log:q}} {{log:q}}{SUFFIX}; exit $code; }}}}"
)


def mark(log: Path, message: str) -> None:
    """Record that the job with the log file ``log`` would fail again, with its ``message``."""
    with atomic_write(_mark_path(log)) as partial:
        partial.write_text(f"{message}\n")


def unmark(log: Path) -> None:
    """Remove the mark of an earlier attempt."""
    _mark_path(log).unlink(missing_ok=True)


def unmark_all(folder: Path) -> None:
    """Remove the marks of earlier workflows: their causes may have been removed.

    Args:
        folder: Folder of all logs.
    """
    for path in folder.rglob(f"*.log{SUFFIX}"):
        path.unlink(missing_ok=True)


def retry_unmarked_only(job: Any, say: Callable[[str], object]) -> None:
    """Let Snakemake retry only jobs without a mark.

    Args:
        job: Snakemake's class of jobs. It asks ``restart_times`` of a job when the job has failed.
        say: Function called with one line for each job that is not retried.
    """
    allowed = getattr(job, "restart_times", None)
    if not isinstance(allowed, property) or allowed.fget is None:
        return  # A Snakemake that asks otherwise retries every failure.
    unlimited = allowed.fget

    def restart_times(failed: Any) -> int:
        times: int = unlimited(failed)
        if times and any(_mark_path(Path(log)).exists() for log in failed.log):
            say(f"{', '.join(failed.log)}: not retried, since the same failure would follow")
            return 0
        return times

    job.restart_times = property(restart_times)


def _mark_path(log: Path) -> Path:
    return log.with_name(f"{log.name}{SUFFIX}")
