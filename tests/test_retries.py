"""Retries: after interruptions, not after failures that would repeat themselves."""

import errno
import os
import subprocess
import sys

import pytest

from rvd.errors import TemporaryError, UserError, is_temporary
from rvd.workflow.retries import SUFFIX
from tests.test_workflow import REPOSITORY, snakemake

# Each rule counts its attempts. `verb.py` fails as `rvd` does.
SNAKEFILE = """
import sys
from pathlib import Path
from snakemake.jobs import Job
from snakemake.logging import logger
from rvd.workflow.retries import MARK_EXIT_CODE_2, retry_unmarked_only, unmark_all

retry_unmarked_only(Job, logger.info)

onstart:
    unmark_all(Path("logs"))

rule verb:
    output: "{kind}.done"
    log: "logs/{kind}.log"
    shell: "echo x >> {wildcards.kind}.tried;"
        " {sys.executable} verb.py --log {log} {wildcards.kind} && touch {output}"

rule other:
    output: "{code}.other"
    log: "logs/{code}.log"
    shell: "echo x >> {wildcards.code}.tried; (exit {wildcards.code}) 2> {log}" + MARK_EXIT_CODE_2
"""
VERB = """
import errno, os, signal, sys
from pathlib import Path
import typer
from rvd import cli
from rvd.errors import UserError
from rvd.runtime.signals import Interrupted

app = typer.Typer(pretty_exceptions_enable=False)
app.callback()(cli._common)

@app.command()
def damaged():
    if not Path("repaired").exists():
        raise UserError("in.h5: is damaged")

@app.command()
def interrupted():
    raise Interrupted("SIGTERM: stopped after step 3")

@app.command()
def full():
    try:
        raise OSError(errno.ENOSPC, "No space left on device")
    except OSError as error:
        raise UserError("out.h5: cannot be written") from error

@app.command()
def killed():
    os.kill(os.getpid(), signal.SIGKILL)

cli.app = app
cli.main()
"""


def workflow(folder, *targets):
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "verb.py").write_text(VERB)
    command = [sys.executable, "-m", "snakemake", "--cores=1", "--retries=2", "--keep-going"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    options = {"cwd": folder, "capture_output": True, "text": True, "env": environment}
    return subprocess.run([*command, "--nolock", *targets], check=False, **options)


def attempts(folder, name):
    return (folder / f"{name}.tried").read_text().count("x")


@pytest.mark.slow
def test_only_failures_that_would_repeat_themselves_are_not_retried(tmp_path):
    wanted = {"damaged": 1, "interrupted": 3, "full": 3, "killed": 3}
    run = workflow(tmp_path, *(f"{name}.done" for name in wanted), "1.other", "2.other", "75.other")
    assert run.returncode != 0
    wanted |= {"1": 3, "2": 1, "75": 3}
    assert {name: attempts(tmp_path, name) for name in wanted} == wanted
    assert "logs/damaged.log: not retried, since the same failure would follow" in run.stderr
    assert (tmp_path / f"logs/damaged.log{SUFFIX}").read_text() == "in.h5: is damaged\n"


@pytest.mark.slow
def test_the_same_command_works_once_the_cause_is_removed(tmp_path):
    assert workflow(tmp_path, "damaged.done").returncode != 0
    (tmp_path / "repaired").touch()
    assert workflow(tmp_path, "damaged.done").returncode == 0
    assert attempts(tmp_path, "damaged") == 2
    assert not list(tmp_path.glob(f"logs/*{SUFFIX}"))


@pytest.mark.slow
def test_a_damaged_film_is_not_retried(tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    (films / "a.mp4").write_bytes(b"not a film")
    own = {"reader": "folder", "path": str(films), "size": 16, "channels": 1, "horizon": 4}
    changes = {"datasets": {"own": own}, "run": {"datasets": ["own"]}}
    run = snakemake(tmp_path, "out/data/own.h5", options=["--retries=5"], **changes)
    assert run.returncode != 0
    assert "Trying to restart" not in run.stderr
    assert "out/logs/convert/own.log: not retried" in run.stderr, run.stderr[-3000:]


def test_errors_of_disk_memory_and_network_are_temporary():
    def behind(cause):
        try:
            try:
                raise cause
            except type(cause):
                raise UserError("in one line") from None
        except UserError as error:
            return error

    for code in (errno.EIO, errno.ENOSPC, errno.ESTALE):
        assert is_temporary(behind(OSError(code, os.strerror(code))))
    assert is_temporary(behind(OSError("Can't read data (errno = 5, error message = '...')")))
    assert is_temporary(behind(MemoryError()))
    assert is_temporary(behind(ConnectionResetError()))
    assert is_temporary(TemporaryError("the server is down"))
    assert not is_temporary(behind(FileNotFoundError(errno.ENOENT, "No such file")))
    assert not is_temporary(behind(OSError("Unable to open file (file signature not found)")))
    assert not is_temporary(UserError("run.models: 'rdv' does not exist"))
