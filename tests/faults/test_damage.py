"""Damaged files: a state falls back to the one before, an input is refused by its name."""

import os
import random
import shutil

import pytest

from tests.faults import tally
from tests.faults.commands import said
from tests.faults.pipeline import CHECKPOINTS, LEFTOVERS, PREDICTOR, SAMPLES, VIDEOS
from tests.faults.recovery import (
    assert_recovers,
    continues,
    ends_in_one_line,
    killed_when,
    stopped_midway,
)

pytestmark = pytest.mark.slow
whole = pytest.mark.skipif(not tally.WHOLE, reason="takes longer: run `make test-faults`")


def torn(path, generator):
    os.truncate(path, generator.randrange(path.stat().st_size))


def flipped(path, generator):
    content = bytearray(path.read_bytes())
    content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
    path.write_bytes(content)


def of_its_checksum(path, generator):
    flipped(path.with_suffix(".sha256"), generator)


def empty(path, generator):
    path.write_bytes(b"")


DAMAGES = {"torn": torn, "flipped": flipped, "checksum": of_its_checksum, "empty": empty}


@pytest.mark.parametrize(
    "name",
    [
        "torn",
        pytest.param("flipped", marks=whole),
        pytest.param("checksum", marks=whole),
        pytest.param("empty", marks=whole),
    ],
)
def test_a_damaged_checkpoint_is_replaced_by_the_previous_one(reference, tmp_path, name):
    command = stopped_midway(reference, tmp_path / "it")
    folder = tmp_path / "it" / CHECKPOINTS
    newest = max(folder.glob("step-*.pt"))
    DAMAGES[name](newest, random.Random(name))
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


@whole
@pytest.mark.parametrize("file", ["journal.jsonl", "history.jsonl"])
def test_damaged_lines(reference, tmp_path, file):
    command = stopped_midway(reference, tmp_path / "it")
    with (tmp_path / "it" / CHECKPOINTS / file).open("ab") as journal:
        journal.write(b"\xff\x00\n[1]\n{}\n" + b"9" * 5000 + b'\n{"step": 1e400}\n{"step": 10, "lo')
    assert_recovers(reference, command, tmp_path / "it", f"damaged lines of {file}")


@whole
@pytest.mark.parametrize("damage", [torn, flipped, empty])
def test_the_state_of_a_simulation(reference, tmp_path, damage):
    pattern = "runs/.train-0.h5.unfinished/checkpoint.npz"
    command = killed_when(reference, "simulator", tmp_path / "it", pattern)
    damage(tmp_path / "it" / pattern, random.Random(0))
    assert_recovers(
        reference, command, tmp_path / "it", f"checkpoint of a simulation {damage.__name__}"
    )


@whole
@pytest.mark.parametrize("damage", [torn, empty])
def test_a_partial_ensemble(reference, tmp_path, damage):
    command = killed_when(reference, "sampler", tmp_path / "it", ".samples.h5.partial")
    damage(tmp_path / "it" / ".samples.h5.partial", random.Random(0))
    assert_recovers(reference, command, tmp_path / "it", f"partial ensemble {damage.__name__}")


@whole
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("converter", "runs/train-1.h5"),
        ("trainer", VIDEOS),
        ("sampler", VIDEOS),
        ("sampler", PREDICTOR),
        ("scorer", SAMPLES),
        ("predict", PREDICTOR),
    ],
)
def test_a_truncated_input(reference, tmp_path, name, file):
    folder = tmp_path / "it"
    command = reference.before(name, folder)
    os.truncate(folder / file, (folder / file).stat().st_size // 2)
    line = ends_in_one_line(command, folder)
    assert file in line
    assert not [path for path in folder.rglob("*") if LEFTOVERS.search(path.name)]
    shutil.copy(reference.folder / file, folder / file)
    assert_recovers(reference, command, folder, f"truncated {file} for the {name}")


@whole
@pytest.mark.parametrize("name", ["converter", "predict", "trainer"])
def test_what_an_earlier_process_left_is_removed(reference, tmp_path, name):
    folder = tmp_path / "it"
    command = reference.before(name, folder)
    made = folder / command.made[0]
    left = made.with_name(f".{made.name}.1-00000000.partial")
    left.mkdir()
    (left / "lock").touch()
    with (left / made.name).open("wb") as file:
        file.truncate(2**33)  # eight gigabytes, of which the disk holds none
    continues(command, folder)
    reference.check(name, folder)
    tally.faults.append(f"abandoned temporary file of the {name}")
