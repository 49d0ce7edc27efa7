"""A disk that is full or fails: one line says so, and nothing is lost."""

import errno
import os
from functools import partial

import pytest

from tests.faults import faults, tally
from tests.faults.commands import said
from tests.faults.pipeline import ARCHIVE, CHECKPOINTS, EVERY, FORECAST
from tests.faults.recovery import assert_recovers, continues, ends_in_one_line, stopped_midway

pytestmark = pytest.mark.slow
whole = pytest.mark.skipif(not tally.WHOLE, reason="takes longer: run `make test-faults`")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        pytest.param("trainer", f"checkpoints/step-{EVERY:08}.pt", marks=whole),
        ("sampler", "samples.h5"),
        ("converter", "videos.h5"),
        pytest.param("simulator", "runs/train-0.h5", marks=whole),
        pytest.param("scorer", "maps.h5", marks=whole),
        pytest.param("predict", FORECAST, marks=whole),
        pytest.param("fetch", f"raw/{ARCHIVE}.part", marks=whole),
    ],
)
def test_full_disk(reference, tmp_path, name, file):
    command = reference.before(name, tmp_path / "it")
    fault = partial(faults.small_disk, 2000) if name == "scorer" else faults.small_disk
    line = ends_in_one_line(command, tmp_path / "it", fault)
    assert line.removeprefix("rvd: ").startswith(f"{file}: cannot be written")
    assert any(words in line for words in ("File too large", "(no space for a clip)"))
    assert_recovers(reference, command, tmp_path / "it", f"full disk of the {name}")


@whole
@pytest.mark.parametrize("code", [errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize(
    ("name", "file", "shown"),
    [
        ("trainer", f".step-{EVERY:08}.pt", f"{CHECKPOINTS}/step-{EVERY:08}.pt"),
        ("trainer", "journal.jsonl", f"{CHECKPOINTS}/journal.jsonl"),
    ],
)
def test_a_disk_that_fails_stops_what_cannot_be_lost(reference, tmp_path, name, file, shown, code):
    command = reference.before(name, tmp_path / "it")
    fault = faults.failing_writes(code, file)
    assert command.run(tmp_path / "it", fault) == 2
    lines = [line for line in said(tmp_path / "it").splitlines() if line.startswith("rvd: ")]
    assert lines == [f"rvd: {shown}: cannot be written ({os.strerror(code)})"]
    assert_recovers(reference, command, tmp_path / "it", f"{errno.errorcode[code]} of {shown}")


@whole
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("file", ["history.jsonl", "tfevents"])
def test_a_training_continues_without_what_describes_it(reference, tmp_path, file, code):
    command = reference.before("trainer", tmp_path / "it")
    printed = continues(command, tmp_path / "it", faults.failing_writes(code, file))
    reference.check("trainer", tmp_path / "it")
    tally.faults.append(f"{errno.errorcode[code]} of {file}")
    assert printed.count(f"cannot be written ({os.strerror(code)})") == 1


@whole
@pytest.mark.parametrize("name", ["trainer", "sampler", "scorer"])
def test_a_log_on_a_full_disk(reference, tmp_path, name):
    command = reference.before(name, tmp_path / "it")
    logged = type(command)(name, "rvd", ["--log=/dev/full", *command.arguments], command.made)
    printed = continues(logged, tmp_path / "it")
    assert printed.count("/dev/full: cannot be written (No space left on device)") <= 1
    reference.check(name, tmp_path / "it")
    tally.faults.append(f"full disk of the {name}'s log")


@pytest.mark.parametrize("name", ["trainer", pytest.param("predict", marks=whole)])
def test_standard_error_on_a_full_disk(reference, tmp_path, name):
    command = reference.before(name, tmp_path / "it")
    continues(command, tmp_path / "it", faults.full_standard_error)
    reference.check(name, tmp_path / "it")
    tally.faults.append(f"full disk of the {name}'s standard error")


@whole
@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE])
def test_a_checkpoint_that_cannot_be_read(reference, tmp_path, code):
    command = stopped_midway(reference, tmp_path / "it")
    before = sorted((tmp_path / "it" / CHECKPOINTS).glob("step-*"))
    line = ends_in_one_line(command, tmp_path / "it", faults.failing_reads(code, "step-"))
    assert f"cannot be read ({os.strerror(code)}); no checkpoint was changed" in line
    assert sorted((tmp_path / "it" / CHECKPOINTS).glob("step-*")) == before
    assert_recovers(reference, command, tmp_path / "it", f"{errno.errorcode[code]} of a checkpoint")
