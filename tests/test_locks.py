"""Locks end with their process, however that ends."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest

from rvd.errors import UserError
from rvd.runtime import locks
from rvd.runtime.locks import exclusive, hold

HOLDER = """
import sys
import time
from pathlib import Path
from rvd.runtime.locks import hold
hold(Path(sys.argv[1]), "workflow")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds ``tmp_path/lock``."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.fixture
def stopped_at_the_end(monkeypatch):
    """Keep what a test holds to the end of the test only."""
    kept = {}
    monkeypatch.setattr(locks, "_held", kept)
    yield
    for lock in kept.values():
        lock.release()


@pytest.mark.usefixtures("stopped_at_the_end")
def test_a_held_lock_is_refused_until_its_process_is_killed(holder, tmp_path):
    with pytest.raises(UserError, match="another workflow is at work there") as caught:
        hold(tmp_path / "lock", "workflow")
    assert str(caught.value).startswith(f"{tmp_path}: ")
    assert "\n" not in str(caught.value)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    hold(tmp_path / "lock", "workflow")
    hold(tmp_path / "lock", "workflow")  # by the process that holds it already


def test_who_waits_says_so_and_continues_after_a_kill(holder, tmp_path, capfd):
    killing = threading.Timer(0.3, holder.kill)
    killing.start()
    with exclusive(tmp_path, "lock", "trainer") as waited:
        assert waited
        assert holder.wait() == -signal.SIGKILL
    said = capfd.readouterr().err
    assert said == f"waiting for another trainer at work in {tmp_path}\n"
    with exclusive(tmp_path, "lock", "trainer") as waited:
        assert not waited


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_waits_can_be_stopped(holder, tmp_path, number):
    waiter = (
        "import sys; from pathlib import Path; from rvd.runtime.locks import exclusive\n"
        "with exclusive(Path(sys.argv[1]), 'lock', 'trainer'): print('taken')"
    )
    command = [sys.executable, "-c", waiter, str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # A shell lets what it starts in the background ignore SIGINT.
    usual = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, **pipes, preexec_fn=usual) as process:
        assert "waiting for another trainer" in process.stderr.readline()
        process.send_signal(number)
        assert process.wait(10) != 0
        assert process.stdout.read() == ""
    assert holder.poll() is None


def test_processes_that_a_holder_starts_do_not_hold(tmp_path):
    with exclusive(tmp_path / "other", "lock", "trainer"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        start = time.monotonic()
        with exclusive(tmp_path / "other", "lock", "trainer") as waited:
            assert not waited
        assert time.monotonic() - start < 5
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, code):
    def flock(file, how):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    for take in (exclusive(tmp_path, "lock", "trainer").__enter__, None):
        with pytest.raises(UserError, match="file system does not support locks") as caught:
            take() if take else hold(tmp_path / "lock", "workflow")
        assert str(caught.value).startswith(f"{tmp_path}: ")
