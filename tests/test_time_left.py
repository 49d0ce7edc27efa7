"""The estimate of the time until the end of a workflow."""

import logging
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from rvd.workflow.setup.time_left import _readable, _TimeLeft, seconds_left
from tests.test_workflow import REPOSITORY

SNAKEFILE = """
from snakemake.logging import logger
from rvd.workflow.setup.time_left import show_time_left

onstart:
    show_time_left(workflow, logger)
    show_time_left(workflow, logger)

rule all:
    input: expand("{n}.done", n=range(4)), "last.done"

rule work:
    output: "{n,[0-9]}.done"
    shell: "sleep 0.2; touch {output}"

rule last:
    input: expand("{n}.done", n=range(4))
    output: "last.done"
    shell: "touch {output}"
"""


def test_jobs_of_known_rules_are_counted():
    jobs = [("train", 0.0), ("train", 20.0), ("score", 0.0), ("all", 0.0)]
    assert seconds_left(jobs, {}, 2.0) is None
    assert seconds_left(jobs, {"train": [50.0, 70.0]}, 2.0) == (50.0, False)
    assert seconds_left(jobs, {"train": [50.0, 70.0], "score": [10.0]}, 2.0) == (55.0, True)


def test_a_job_that_takes_longer_than_the_others_counts_as_ending():
    assert seconds_left([("train", 90.0)], {"train": [60.0]}, 1.0) == (0.0, True)


def test_jobs_at_the_same_time_are_seen():
    """Two jobs of 10 s each at once leave 10 s for two more."""
    clock, lines = [0.0], []
    jobs = [SimpleNamespace(rule=SimpleNamespace(name="train"), number=n) for n in range(4)]
    dag = SimpleNamespace(needrun_jobs=lambda: jobs, jobid=lambda job: job.number)
    handler = _TimeLeft(lambda: dag, lines.append, lambda: clock[0])

    def event(name, **details):
        record = logging.LogRecord("snakemake", logging.INFO, "", 0, None, None, None)
        record.__dict__.update(event=name, **details)
        handler.emit(record)

    for job in (0, 1):
        event("job_info", jobid=job, rule_name="train")
    clock[0] = 10.0
    for job in (0, 1):
        event("job_finished", job_id=job)
    event("progress", done=2, total=4)
    event("progress", done=4, total=4)
    assert lines == ["About 10 s left"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.4, "12 s"), (61, "1 min"), (3600, "60 min"), (9000, "2.5 h")]
)
def test_durations_are_readable(seconds, text):
    assert _readable(seconds) == text


@pytest.mark.slow
def test_it_is_printed_once_after_each_count_of_jobs(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores=1", "--quiet", "reason", "host"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    options = {"cwd": tmp_path, "capture_output": True, "text": True, "env": environment}
    run = subprocess.run([*command, "--nolock"], check=True, **options)
    lines = re.findall(r"^.* steps .*done$|^.* left$", run.stderr, re.M)
    kinds = ["count" if line.endswith("done") else line[:8] for line in lines]
    # Of the rule `last` no job has finished, so it is not counted; `all` takes no time.
    assert kinds == ["count", "At least"] * 3 + ["count"] * 3
