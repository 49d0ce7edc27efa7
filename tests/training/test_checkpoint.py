"""Checkpoints that are damaged, cannot be read, or must not be written."""

import errno
import os
from importlib.metadata import version

import pytest
import torch

from rvd.errors import UserError
from rvd.runtime.locks import exclusive
from rvd.training import checkpoint, environment
from rvd.training.checkpoint import first_not_finite, load_checkpoint, save_checkpoint
from rvd.training.steps import TrainingSteps
from tests.tiny import task_in, write_squares
from tests.training.test_training import assert_equal_weights, run, settings_of


def save(folder, *steps):
    for step in steps:
        save_checkpoint(folder, step, {}, {"weight": torch.full((3,), float(step))})


def damage(folder, *steps):
    for step in steps:
        path = folder / f"step-{step:08d}.pt"
        path.write_bytes(path.read_bytes()[:-7])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_damaged_checkpoints_with_higher_numbers_leave_room_for_sound_ones(tmp_path, capsys):
    save(tmp_path, 3, 4)
    damage(tmp_path, 3, 4)
    assert load_checkpoint(tmp_path, {}) is None
    assert "no checkpoint is undamaged" in capsys.readouterr().err
    save(tmp_path, 1)
    assert load_checkpoint(tmp_path, {})[0] == 1
    save(tmp_path, 2)
    assert load_checkpoint(tmp_path, {})[0] == 2


def test_the_sound_checkpoint_before_a_damaged_one_stays_until_two_are_newer(tmp_path):
    save(tmp_path, 4, 5)
    damage(tmp_path, 5)
    assert load_checkpoint(tmp_path, {})[0] == 4
    save(tmp_path, 6)
    damage(tmp_path, 6)
    assert load_checkpoint(tmp_path, {})[0] == 4


def test_a_damaged_checkpoint_keeps_its_content_under_another_name(tmp_path):
    save(tmp_path, 1, 2)
    damage(tmp_path, 2)
    load_checkpoint(tmp_path, {})
    assert names(tmp_path) == [
        "step-00000001.pt",
        "step-00000001.sha256",
        "step-00000002.pt.damaged",
    ]


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_an_error_of_reading_is_not_damage(tmp_path, monkeypatch, code):
    save(tmp_path, 1, 2)
    before = names(tmp_path)

    def failing(path):
        raise OSError(code, os.strerror(code), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "sha256_of", failing)
        with pytest.raises(UserError, match=r"step-00000002\.pt: cannot be read .*no checkpoint"):
            load_checkpoint(tmp_path, {})
    assert names(tmp_path) == before
    assert load_checkpoint(tmp_path, {})[0] == 2


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_too_little_memory_is_not_damage(tmp_path, monkeypatch, error):
    save(tmp_path, 1, 2)
    before = names(tmp_path)

    def failing(*args, **settings):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", failing)
        with pytest.raises(UserError, match="needs more memory"):
            load_checkpoint(tmp_path, {})
    assert names(tmp_path) == before


def test_the_first_tensor_that_is_not_finite_is_named():
    state = {"a": torch.ones(2), "b": [torch.ones(1), {"c": torch.tensor([1.0, float("inf")])}]}
    assert first_not_finite(state) == "b.1.c"
    assert first_not_finite({"a": torch.ones(2), "n": 3, "none": None}) is None
    assert first_not_finite({"count": torch.tensor(2**40)}) is None


def test_a_gradient_that_is_not_finite_is_never_saved(tmp_path, monkeypatch):
    videos = write_squares(tmp_path / "v.h5")
    config = settings_of(gradient_clip=None)
    whole = run(config, task_in(tmp_path / "whole", videos))
    task = task_in(tmp_path / "poisoned", videos)
    original = TrainingSteps._update

    def poisoned(self, player, optimiser, video, *more):
        losses = original(self, player, optimiser, video, *more)
        if self.done == 3:
            next(self.predictor.parameters()).data.view(-1)[0] = float("nan")
        return losses

    with monkeypatch.context() as patch:
        patch.setattr(TrainingSteps, "_update", poisoned)
        with pytest.raises(UserError, match=r"stopped at step 4: model\..* is not finite"):
            run(config, task)
    assert_equal_weights(run(config, task), whole)


def test_a_resume_in_another_environment_says_so_and_continues(tmp_path, monkeypatch, capsys):
    save(tmp_path, 1)
    assert load_checkpoint(tmp_path, {})[0] == 1
    assert capsys.readouterr().err == ""
    others = {"software": {"torch": "0.0", "numpy": "1.0"}, "threads": 99}
    with monkeypatch.context() as patch:
        patch.setattr(environment, "software", lambda: others["software"])
        patch.setattr(torch, "get_num_threads", lambda: 99)
        assert load_checkpoint(tmp_path, {})[0] == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert f"torch was {version('torch')}, now 0.0; numpy was" in line
        assert "now 1.0; threads were" in line
        assert "now 99); the training continues" in line
        assert load_checkpoint(tmp_path, {}, main=False)[0] == 1
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize("old", [{}, {"software": "torch", "threads": None}])
def test_checkpoints_without_an_environment_load_silently(tmp_path, monkeypatch, capsys, old):
    monkeypatch.setattr(checkpoint, "environment", lambda: old)
    save(tmp_path, 1)
    assert load_checkpoint(tmp_path, {})[0] == 1
    assert capsys.readouterr().err == ""


def test_an_error_of_the_work_is_not_taken_for_another_trainer(tmp_path):
    with pytest.raises(BlockingIOError), exclusive(tmp_path, "lock", "trainer"):
        raise BlockingIOError(errno.EAGAIN, "a pipe without data")
