"""Overhead of Snakemake: the share of a run's wall time without a running job.

It is computed from the log of a finished run (the newest in ``.snakemake/log``, or a given one),
which has a resolution of one second. A dry run of the paper's config is timed, too.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
STAMP = re.compile(r"^\[(\w{3} \w{3} +\d+ [\d:]+ \d{4})\]$")


def idle(log: Path) -> tuple[float, float, int]:
    """Return the seconds without a job, the total seconds, and the number of jobs."""
    running, begins, found = 0, None, timedelta()
    jobs, last = 0, None
    lines = log.read_text().splitlines()
    moment = None
    for number, line in enumerate(lines):
        if stamp := STAMP.match(line):
            moment = datetime.strptime(stamp[1], "%a %b %d %H:%M:%S %Y")
            following = lines[number + 1] if number + 1 < len(lines) else ""
            if re.match(r"(local)?(rule|checkpoint) |Job \d+:", following):
                begins = moment if not running else begins
                running, jobs = running + 1, jobs + 1
            elif following.startswith(("Finished job", "Error in rule")):
                running -= 1
                if running == 0 and begins:
                    found += moment - begins
            last = moment
    (elapsed,) = re.findall(r"^Elapsed time: (.+)$", "\n".join(lines), re.MULTILINE)[-1:]
    hours, minutes, seconds = elapsed.split(":")
    total = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    assert last is not None
    return total - found.total_seconds(), total, jobs


def dry_run() -> float:
    began = time.perf_counter()
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "--cores=8", "all"]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path, nargs="?")
    given = parser.parse_args().log
    logs = sorted((REPOSITORY / ".snakemake" / "log").glob("*.log"))
    if log := given or (logs[-1] if logs else None):
        waiting, total, jobs = idle(log)
        print(f"{log.name}: {jobs} jobs in {total:.0f} s, {waiting:.0f} s ({waiting / total:.1%})"
              " without a job")  # fmt: skip
    times = [dry_run() for _ in range(3)]
    print(f"dry run of the paper's config: {statistics.median(times):.1f} s"
          f" ({min(times):.1f} … {max(times):.1f})")  # fmt: skip
