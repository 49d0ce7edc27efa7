"""Files that killed processes leave behind are removed by the next writer of the same output."""

import fcntl
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from lbm.config import VortexStreetConfig
from lbm.runs.run_file import create_run
from lbm.solvers.pylbm_build import _remove_abandoned
from rvd import files
from rvd.files import atomic_write, remove_abandoned, temporary_folder
from rvd.metrics.networks.stored_features import load_features, store_features
from rvd.models.files import save
from rvd.models.registry import build
from rvd.workflow.notebooks import render
from tests.tiny import SIZE, experiment, task_in, write_squares
from tests.training.test_training import run, settings_of

WRITER = """
import sys, time
from pathlib import Path
from rvd.files import atomic_write
with atomic_write(Path(sys.argv[1])) as partial:
    partial.write_bytes(b"0" * 1_000_000)
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def writer():
    """Start processes that write to a path; they are killed at the end."""
    started = []

    def start(path):
        command = [sys.executable, "-c", WRITER, str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "writing\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def abandoned(writer):
    """Kill a process while it writes to a path; return its temporary folder."""

    def leave(path):
        process = writer(path)
        process.send_signal(signal.SIGKILL)
        process.wait()
        (folder,) = path.parent.glob(f".{path.name}.{process.pid}-*.partial")
        assert (folder / path.name).stat().st_size == 1_000_000
        return folder

    return leave


def write(path):
    with atomic_write(path) as partial:
        partial.touch()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_next_writer_of_the_same_file_removes_it(tmp_path, abandoned):
    left = abandoned(tmp_path / "out"), abandoned(tmp_path / "other")
    write(tmp_path / "out")
    assert names(tmp_path) == sorted([left[1].name, "out"])
    write(tmp_path / "other")
    assert names(tmp_path) == ["other", "out"]


def test_that_of_a_living_process_stays(tmp_path, writer):
    process = writer(tmp_path / "out")
    write(tmp_path / "out")
    remove_abandoned(tmp_path)
    assert len(names(tmp_path)) == 2
    process.kill()
    process.wait()
    remove_abandoned(tmp_path)
    assert names(tmp_path) == ["out"]


def test_a_folder_that_was_not_locked_yet_is_removed(tmp_path):
    (tmp_path / ".out.1-00000000.partial").mkdir()
    write(tmp_path / "out")
    assert names(tmp_path) == ["out"]


def test_files_of_earlier_versions_are_removed_after_a_day(tmp_path):
    old, new, resumed = (
        tmp_path / f".out.{name}partial" for name in ("123.", "456.", "")
    )  # the last is one that is resumed
    for path in (old, new, resumed):
        path.touch()
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    write(tmp_path / "out")
    assert names(tmp_path) == sorted([new.name, resumed.name, "out"])


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def flock(file, how):
        raise OSError(files.errno.ENOLCK, "No locks available")

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", flock)
        (tmp_path / ".out.1-00000000.partial").mkdir()
        (tmp_path / ".out.1-00000000.partial" / "lock").touch()
        write(tmp_path / "out")
    assert len(names(tmp_path)) == 2
    assert (tmp_path / "out").exists()


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_nothing_remains_after_the_block(tmp_path, error):
    try:
        with temporary_folder(tmp_path / "out", 0o700) as folder:
            (folder / "deep" / "er").mkdir(parents=True)
            assert folder.stat().st_mode & 0o777 == 0o700
            if error:
                raise error
    except KeyboardInterrupt:
        pass
    assert names(tmp_path) == []


def test_the_video_file(tmp_path, abandoned):
    abandoned(tmp_path / "v.h5")
    write_squares(tmp_path / "v.h5")
    assert names(tmp_path) == ["v.h5"]


def test_the_predictor(tmp_path, abandoned):
    abandoned(tmp_path / "p.safetensors")
    save(build(experiment().models["rvd"], SIZE, 1), tmp_path / "p.safetensors", {})
    assert names(tmp_path) == ["p.safetensors"]


def test_features_whose_names_differ(tmp_path, abandoned):
    abandoned(tmp_path / f"{'0' * 64}.safetensors")
    store_features(tmp_path, {"a": np.ones(3, np.float32)})
    assert len(names(tmp_path)) == 1
    assert list(load_features(tmp_path)) == ["a"]


def test_checkpoints_and_pictures_of_steps_that_do_not_come_again(tmp_path, abandoned):
    videos = write_squares(tmp_path / "v.h5")
    task = task_in(tmp_path, videos)
    (task.checkpoints / "pictures").mkdir(parents=True)
    abandoned(task.checkpoints / "step-00000999.pt")
    abandoned(task.checkpoints / "step-00000999.sha256")
    abandoned(task.checkpoints / "pictures" / "step-00000999.png")
    run(settings_of(), task)
    assert not list(task.checkpoints.rglob("step-*999.*"))
    assert not list(task.checkpoints.rglob("*partial*"))


def test_the_figures_of_a_notebook(tmp_path, abandoned):
    abandoned(tmp_path / "figures")
    with pytest.raises(files.UserError, match="there is no such notebook"):
        render(tmp_path / "absent.ipynb", tmp_path / "figures", {})
    with temporary_folder(tmp_path / "figures"):
        assert len(names(tmp_path)) == 1
    assert names(tmp_path) == []


def test_the_run_file(tmp_path):
    street = VortexStreetConfig(
        width=32,
        height=16,
        diameter=3.0,
        center=8.0,
        reynolds=20.0,
        warmup=10,
        interval=5,
        frames=2,
    )
    (tmp_path / ".r.h5.1.partial").write_bytes(b"0" * 1000)
    with create_run(tmp_path / "r.h5", street, np.zeros((16, 32), bool)):
        assert names(tmp_path) == [f".r.h5.{os.getpid()}.partial"]
    assert names(tmp_path) == ["r.h5"]
    assert h5py.is_hdf5(tmp_path / "r.h5")


def test_builds_of_the_solver(tmp_path):
    old, new, compiled = (tmp_path / name for name in ("build-1", "build-2", "pylbm-3"))
    for folder in (old, new, compiled):
        folder.mkdir()
    for folder in (old, compiled):
        os.utime(folder, (time.time() - 7200,) * 2)
    _remove_abandoned(tmp_path)
    assert names(tmp_path) == ["build-2", "pylbm-3"]
