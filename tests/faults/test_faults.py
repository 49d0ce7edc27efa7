"""Faults are reported in one line, and nothing is lost after their cause is removed."""

import os
import random
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from tests.faults import faults, tally
from tests.faults.commands import finish, kill, said
from tests.faults.pipeline import (
    ARCHIVE,
    CHECKPOINTS,
    STEPS,
    VIDEOS,
    WITH_READER,
    experiment,
    journalled,
)
from tests.faults.recovery import (
    assert_recovers,
    ends_in_one_line,
    stopped_midway,
    wait_for,
)

pytestmark = pytest.mark.slow
# Excluded from the short version: smaller tests check the same.
whole = pytest.mark.skipif(not tally.WHOLE, reason="takes longer: run `make test-faults`")


def test_a_jumping_clock_has_no_effect(reference, tmp_path):
    command = stopped_midway(reference, tmp_path / "it")
    for path in (tmp_path / "it").rglob("*"):
        day = random.Random(path.name).uniform(-400, 400) * 86400
        os.utime(path, (time.time() + day,) * 2)
    assert command.run(tmp_path / "it", faults.jumping_clock) == 0, said(tmp_path / "it")
    reference.check("trainer", tmp_path / "it")
    assert journalled(tmp_path / "it")[-1] == STEPS
    tally.faults.append("clock that jumps")


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        pytest.param("trainer", f"{CHECKPOINTS}/lock", marks=whole),
        ("sampler", ".samples.h5.lock"),
        pytest.param("simulator", "runs/.train-0.h5.unfinished/lock", marks=whole),
        pytest.param("fetch", f"raw/.{ARCHIVE}.lock", marks=whole),
    ],
)
def test_two_at_once(reference, tmp_path, name, lock):
    command = reference.before(name, tmp_path / "it")
    first = command.start(tmp_path / "it")
    wait_for(lambda: (tmp_path / "it" / lock).exists() or not first.is_alive())
    # The second waits, unless the first had finished before it started.
    command.whole(tmp_path / "it")
    assert finish(first) == 0
    reference.check(name, tmp_path / "it")
    assert_recovers(reference, command, tmp_path / "it", f"two {name}s at once")


@pytest.mark.parametrize("name", ["converter", "sampler", pytest.param("scorer", marks=whole)])
def test_read_only_folder(reference, tmp_path, name):
    folder = tmp_path / "it"
    command = reference.before(name, folder)
    (folder / "said").touch()
    folder.chmod(0o555)
    try:
        line = ends_in_one_line(command, folder, faults.no_special_rights)
    finally:
        folder.chmod(0o755)
    assert "cannot be written (Permission denied)" in line
    assert_recovers(reference, command, folder, f"read-only folder of the {name}")


@whole
def test_nan_in_the_data(reference, tmp_path):
    command = reference.before("trainer", tmp_path / "it")
    with h5py.File(tmp_path / "it" / VIDEOS, "r+") as file:
        frames = file["train/frames"]
        kept = frames[3:9]
        frames[3:9] = np.nan
    line = ends_in_one_line(command, tmp_path / "it")
    assert "training stopped at step" in line
    assert "loss is nan" in line
    with h5py.File(tmp_path / "it" / VIDEOS, "r+") as file:
        file["train/frames"][3:9] = kept
    # Steps that read another part of the file saved only finite values.
    assert_recovers(reference, command, tmp_path / "it", "NaN in the data")


def test_out_of_memory(reference, tmp_path):
    command = reference.before("trainer", tmp_path / "it")
    values = experiment()
    values["models"]["rvd"]["training"]["batch"] = {16: 4096}
    (tmp_path / "it" / "tiny.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    line = ends_in_one_line(command, tmp_path / "it", faults.little_memory)
    assert "set training.micro_batch: {16: 2048} (now 4096), or set training.grad" in line
    tally.faults.append("out of memory")


@whole
@pytest.mark.parametrize("name", ["trainer", "sampler", "simulator", "fetch"])
def test_a_file_system_without_locks(reference, tmp_path, name):
    command = reference.before(name, tmp_path / "it")
    assert command.run(tmp_path / "it", faults.no_locks) != 0
    assert said(tmp_path / "it").count("does not support locks (No locks available)") == 1
    assert "Traceback" not in said(tmp_path / "it")
    assert_recovers(reference, command, tmp_path / "it", f"no locks for the {name}")


@whole
@pytest.mark.parametrize("name", ["trainer", "sampler"])
def test_a_suspended_process_continues(reference, tmp_path, name):
    command = reference.before(name, tmp_path / "it")
    process = command.start(tmp_path / "it")
    for _ in range(3):
        if kill(process, signal.SIGSTOP, 0.2 * reference.seconds[name]):
            time.sleep(0.3)
            kill(process, signal.SIGCONT, 0)
    assert finish(process) == 0, said(tmp_path / "it")
    reference.check(name, tmp_path / "it")
    tally.faults.append(f"suspended {name}")


@whole
def test_a_killed_process_that_reads_clips(reference, tmp_path):
    command = reference.before(WITH_READER, tmp_path / "it")
    process = command.start(tmp_path / "it")
    wait_for(lambda: list((tmp_path / "it" / CHECKPOINTS).glob("step-*.pt")))
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    assert finish(process) == 75, said(tmp_path / "it")
    assert "rvd: a process that reads clips was killed" in said(tmp_path / "it")
    assert "Traceback" not in said(tmp_path / "it")
    assert_recovers(reference, command, tmp_path / "it", "killed reader of clips")
