"""A killed run resumes and gives the same result."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext

import numpy as np
import pytest

from lbm import vortex_street
from lbm.config import VortexStreetConfig
from lbm.errors import LockError
from lbm.runs import unfinished_run
from lbm.runs.run_file import open_run
from lbm.vortex_street import simulate

STREET = VortexStreetConfig(
    width=64,
    height=32,
    diameter=5,
    center=10,
    reynolds=60,
    warmup=105,  # not a multiple of the interval
    interval=10,
    frames=40,
    modulation=0.02,
)


class StoppedError(Exception):
    pass


def stop_after(ticks):
    done = []

    def progress(step):
        done.append(step)
        if sum(done) >= ticks:
            raise StoppedError

    return progress


def contents(path):
    with open_run(path) as run:
        return [run.vorticity[:], run.tick, run.drag, run.lift]


def assert_same(one, other):
    for a, b in zip(contents(one), contents(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run.h5"
    simulate(STREET, path)
    return path


@pytest.mark.parametrize("every", [1, 3, 7])
def test_a_stopped_run_gives_the_same_result(whole, tmp_path, monkeypatch, every):
    monkeypatch.setattr(vortex_street, "CHECKPOINT_CHUNKS", every)
    path = tmp_path / "run.h5"
    for ticks in (55, 106, 250, 390):  # in the warm-up, at its end, among the frames
        with pytest.raises(StoppedError):
            simulate(STREET, path, stop_after(ticks))
        assert not path.exists()
    seen = []
    simulate(STREET, path, seen.append)
    assert 0 < seen[0] < STREET.total_ticks
    assert sum(seen) == STREET.total_ticks
    assert_same(whole, path)
    assert [p.name for p in tmp_path.iterdir()] == ["run.h5"]


@pytest.mark.parametrize("kept", [0, 100, -7])
def test_a_damaged_checkpoint_is_replaced_by_the_previous_one(
    whole, tmp_path, monkeypatch, capsys, kept
):
    monkeypatch.setattr(vortex_street, "CHECKPOINT_CHUNKS", 3)
    path = tmp_path / "run.h5"
    with pytest.raises(StoppedError):
        simulate(STREET, path, stop_after(300))
    newest = tmp_path / ".run.h5.unfinished" / "checkpoint.npz"
    with np.load(newest) as state:
        torn_at = int(state["tick"])
    newest.write_bytes(newest.read_bytes()[:kept])
    seen = []
    simulate(STREET, path, seen.append)
    assert 0 < seen[0] < torn_at
    assert "is damaged" in capsys.readouterr().err
    assert_same(whole, path)


def test_another_street_of_the_same_name_restarts(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(vortex_street, "CHECKPOINT_CHUNKS", 1)
    path = tmp_path / "run.h5"
    with pytest.raises(StoppedError):
        simulate(STREET.model_copy(update={"reynolds": 50.0}), path, stop_after(200))
    seen = []
    simulate(STREET, path, seen.append)
    assert seen[0] == 0
    assert_same(whole, path)


@pytest.mark.parametrize("finishes", [True, False])
def test_the_second_of_two_waits_and_continues(whole, tmp_path, monkeypatch, capfd, finishes):
    monkeypatch.setattr(vortex_street, "CHECKPOINT_CHUNKS", 1)
    monkeypatch.setattr(unfinished_run, "PAUSE", 0.01)
    path, seen = tmp_path / "run.h5", []
    second = threading.Thread(target=simulate, args=(STREET, path, seen.append))

    def while_second_waits(ticks):
        if not second.is_alive() and not seen:
            second.start()
            end = time.monotonic() + 10
            while "waiting for another process" not in capfd.readouterr().err:
                assert time.monotonic() < end
                time.sleep(0.01)
        assert not seen
        stop(ticks)

    stop = (lambda ticks: None) if finishes else stop_after(200)
    with nullcontext() if finishes else pytest.raises(StoppedError):
        simulate(STREET, path, while_second_waits)
    second.join(20)
    # Nothing is left to do, or the first call includes the ticks of the stopped run.
    assert not seen if finishes else seen[0] >= 190
    assert_same(whole, path)
    assert not list(tmp_path.glob(".run.h5*"))


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def flock(file, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(unfinished_run.fcntl, "flock", flock)
    with pytest.raises(LockError, match="does not support locks") as caught:
        simulate(STREET, tmp_path / "run.h5")
    assert str(tmp_path) in str(caught.value)


@pytest.mark.slow
def test_a_killed_run_gives_the_same_result(tmp_path):
    # Long enough to be killed midway.
    street = STREET.model_copy(update={"width": 160, "height": 80, "frames": 400, "interval": 60})
    command = [sys.executable, "-m", "lbm", "simulate", "killed.h5", *street.flags()]
    checkpoint = tmp_path / ".killed.h5.unfinished" / "checkpoint.npz"
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed.h5").exists()
    subprocess.run(command, cwd=tmp_path, check=True, stderr=subprocess.DEVNULL)
    simulate(street, tmp_path / "whole.h5")
    assert_same(tmp_path / "whole.h5", tmp_path / "killed.h5")
