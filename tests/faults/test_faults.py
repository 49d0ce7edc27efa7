"""Faults are reported in one line, and nothing is lost after their cause is removed."""

import os
import random
import signal
import time

import h5py
import numpy as np
import pytest
import yaml

from tests.faults import faults, tally
from tests.faults.commands import finish, kill, said
from tests.faults.pipeline import CHECKPOINTS, EVERY, STEPS, VIDEOS, experiment, journalled

pytestmark = pytest.mark.slow
# Excluded from the short version: smaller tests check the same.
whole = pytest.mark.skipif(not tally.WHOLE, reason="takes longer: run `make test-faults`")


def ends_in_one_line(command, folder, fault=None):
    """Run a command that must fail like a user error, and return its error message."""
    code = command.run(folder, fault)
    lines = [line for line in said(folder).splitlines() if line.startswith("rvd: ")]
    assert code == 2, (code, said(folder))
    assert len(lines) == 1, said(folder)
    assert "Traceback" not in said(folder)
    return lines[0]


def assert_recovers(reference, command, folder, fault):
    """Check that the same command gives the reference result after the cause is removed."""
    command.whole(folder)
    reference.check(command.name, folder)
    tally.faults.append(fault)


def stopped_midway(reference, folder):
    """Stop the trainer after some checkpoints."""
    command = reference.before("trainer", folder)
    process = command.start(folder)
    end = time.monotonic() + 60
    while len(list((folder / CHECKPOINTS).glob("step-*.sha256"))) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    assert kill(process, signal.SIGTERM, 0)
    assert finish(process) == 75, said(folder)
    assert "run the same command to resume" in said(folder)
    return command


@pytest.mark.parametrize(
    ("name", "file"),
    [
        pytest.param("trainer", f"checkpoints/step-{EVERY:08}.pt", marks=whole),
        ("sampler", "samples.h5"),
        ("converter", "videos.h5"),
    ],
)
def test_full_disk(reference, tmp_path, name, file):
    command = reference.before(name, tmp_path / "it")
    line = ends_in_one_line(command, tmp_path / "it", faults.small_disk)
    assert line.startswith(f"rvd: {file}: cannot be written (")
    assert line.endswith(("(File too large)", "(no space for a clip)"))
    assert_recovers(reference, command, tmp_path / "it", f"full disk of the {name}")


def damages(generator):
    """Return the damages of the newest checkpoint by name."""

    def torn(path):
        os.truncate(path, generator.randrange(path.stat().st_size))

    def flipped(path):
        content = bytearray(path.read_bytes())
        content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        path.write_bytes(content)

    def of_its_checksum(path):
        flipped(path.with_suffix(".sha256"))

    return {"torn": torn, "flipped": flipped, "checksum": of_its_checksum,
            "empty": lambda path: path.write_bytes(b"")}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "torn",
        "flipped",
        pytest.param("checksum", marks=whole),
        pytest.param("empty", marks=whole),
    ],
)
def test_a_damaged_checkpoint_is_replaced_by_the_previous_one(reference, tmp_path, name):
    command = stopped_midway(reference, tmp_path / "it")
    folder = tmp_path / "it" / CHECKPOINTS
    newest = max(folder.glob("step-*.pt"))
    damages(random.Random(name))[name](newest)
    command.whole(tmp_path / "it")
    assert f"{newest.name}: is damaged" in said(tmp_path / "it")
    assert "the one before it is used" in said(tmp_path / "it")
    assert '"event": "damaged"' in (folder / "history.jsonl").read_text()
    reference.check("trainer", tmp_path / "it")
    tally.faults.append(f"checkpoint {name}")


def test_all_checkpoints_damaged(reference, tmp_path):
    command = stopped_midway(reference, tmp_path / "it")
    for path in (tmp_path / "it" / CHECKPOINTS).glob("step-*.pt"):
        path.write_bytes(b"")
    command.whole(tmp_path / "it")
    assert "no checkpoint is undamaged: training restarts from step 0" in said(tmp_path / "it")
    reference.check("trainer", tmp_path / "it")
    tally.faults.append("all checkpoints damaged")


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
    ("name", "where"),
    [pytest.param("trainer", CHECKPOINTS, marks=whole), ("sampler", ".")],
)
def test_two_at_once(reference, tmp_path, name, where):
    command = reference.before(name, tmp_path / "it")
    (tmp_path / "it" / where).mkdir(exist_ok=True)
    first = command.start(tmp_path / "it")
    lock = {"trainer": f"{CHECKPOINTS}/lock", "sampler": ".samples.h5.lock"}[name]
    while not (tmp_path / "it" / lock).exists() and first.is_alive():
        time.sleep(0.005)
    # The second waits, unless the first had finished before it started.
    command.whole(tmp_path / "it")
    assert finish(first) == 0
    reference.check(name, tmp_path / "it")
    assert_recovers(reference, command, tmp_path / "it", f"two {name}s at once")


@pytest.mark.parametrize("name", ["converter", "sampler", "scorer"])
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
