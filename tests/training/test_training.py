import json
import multiprocessing
import os
import signal
import threading

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from rvd.errors import UserError
from rvd.models.files import load
from rvd.models.noise import seeded_noise
from rvd.models.registry import build
from rvd.runtime.locks import exclusive
from rvd.runtime.signals import Interrupted
from rvd.training import train
from rvd.training.journal import read_journal
from rvd.training.steps import TrainingSteps
from tests.tiny import experiment, task_in, write_squares


@pytest.fixture
def videos(tmp_path):
    return write_squares(tmp_path / "v.h5")


def settings_of(model="rvd", **changes):
    config = experiment().models[model]
    return config.model_copy(update={"training": config.training.model_copy(update=changes)})


def run(config, task):
    torch.manual_seed(task.seed)
    train(build(config, 16, 1), config.training, task)
    return load_file(task.output)


def assert_equal_weights(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def interrupted_after(steps, monkeypatch, number=signal.SIGTERM):
    """Send a signal to this process once a trainer has done ``steps`` more steps."""
    done = []
    original = TrainingSteps.take

    def counted(self, video):
        losses = original(self, video)
        done.append(1)
        if len(done) == steps:
            os.kill(os.getpid(), number)
        return losses

    monkeypatch.setattr(TrainingSteps, "take", counted)


@pytest.mark.parametrize("model", ["rvd", "vd"])
def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path, videos, monkeypatch, model):
    config = settings_of(model)
    whole = run(config, task_in(tmp_path / "whole", videos))
    task = task_in(tmp_path / "parts", videos)
    for steps in (1, 2):  # at an odd step, and again after a resume
        with monkeypatch.context() as patch:
            interrupted_after(steps, patch)
            with pytest.raises(Interrupted, match="run the same command to resume"):
                run(config, task)
            assert not task.output.exists()
    assert_equal_weights(run(config, task), whole)
    assert task.curve.read_text().count("\n") == 7
    steps = [entry["step"] for entry in read_journal(task.checkpoints / "journal.jsonl")]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_a_trainer_that_waits_for_another_can_be_stopped(tmp_path, videos, capfd):
    task = task_in(tmp_path / "it", videos)
    with exclusive(task.checkpoints, "lock", "trainer"):
        request = threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM))
        request.start()
        with pytest.raises(Interrupted, match="SIGTERM: stopped while waiting"):
            run(settings_of(), task)
        request.join()
    said = capfd.readouterr().err
    assert said.count(f"waiting for another trainer at work in {task.checkpoints}\n") == 1
    assert not (task.checkpoints / "history.jsonl").exists()
    run(settings_of(), task)


def test_a_signal_to_every_process_of_a_job_is_left_to_the_trainer(tmp_path, videos, monkeypatch):
    config = settings_of(workers=2)
    whole = run(settings_of(), task_in(tmp_path / "whole", videos))
    task = task_in(tmp_path / "parts", videos)
    original = TrainingSteps.take

    def signalled(self, video):
        if self.done == 1:
            workers = multiprocessing.active_children()
            assert len(workers) == 2
            for process in workers:
                os.kill(process.pid, signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, video)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingSteps, "take", signalled)
        with pytest.raises(Interrupted, match="SIGTERM: stopped after step 2"):
            run(config, task)
    assert_equal_weights(run(config, task), whole)


def test_a_killed_training_goes_on_from_its_last_checkpoint(tmp_path, videos, monkeypatch):
    config = settings_of()
    whole = run(config, task_in(tmp_path / "whole", videos))
    task = task_in(tmp_path / "killed", videos)

    class KilledError(BaseException):
        pass

    original = TrainingSteps.take

    def killed(self, video):
        if self.done == 5:
            raise KilledError
        return original(self, video)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingSteps, "take", killed)
        with pytest.raises(KilledError):
            run(config, task)
    assert_equal_weights(run(config, task), whole)


def test_a_finished_training_only_writes_its_outputs_again(tmp_path, videos, monkeypatch):
    config, task = settings_of(), task_in(tmp_path, videos)
    first = run(config, task)
    task.output.unlink()
    monkeypatch.setattr(TrainingSteps, "take", None)  # calling it would fail
    assert_equal_weights(run(config, task), first)


def test_another_config_is_refused_and_named(tmp_path, videos):
    run(settings_of(), task_in(tmp_path, videos))
    before = sorted((tmp_path / "checkpoints").glob("step-*"))
    with pytest.raises(UserError, match=r"model\.training\.betas was .*0\.999"):
        run(settings_of(betas=(0.5, 0.9)), task_in(tmp_path, videos))
    with pytest.raises(UserError, match="revision was 1, now 2"):
        run(settings_of(), task_in(tmp_path, videos, stamp={"revision": 2}))
    assert sorted((tmp_path / "checkpoints").glob("step-*")) == before


def test_what_does_not_decide_the_weights_may_change(tmp_path, videos):
    first = run(settings_of(), task_in(tmp_path, videos))
    again = run(settings_of(journal_every=3, workers=1), task_in(tmp_path, videos))
    assert_equal_weights(first, again)


def test_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, videos, monkeypatch, capfd):
    config = settings_of()
    whole = run(config, task_in(tmp_path / "whole", videos))
    task = task_in(tmp_path / "torn", videos)
    with monkeypatch.context() as patch:
        interrupted_after(5, patch)
        with pytest.raises(Interrupted):
            run(config, task)
    newest = task.checkpoints / "step-00000005.pt"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    assert_equal_weights(run(config, task), whole)
    assert "checksum does not match" in capfd.readouterr().err


def test_a_loss_that_is_not_finite_stops_with_the_step(tmp_path, videos, monkeypatch):
    config = settings_of()
    original = TrainingSteps.take

    def poisoned(self, video):
        return original(self, video * float("nan") if self.done == 3 else video)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingSteps, "take", poisoned)
        with pytest.raises(UserError, match="stopped at step 4: loss is nan"):
            run(config, task_in(tmp_path, videos))
    # The checkpoint before it is undamaged, and training resumes from there.
    weights = run(config, task_in(tmp_path, videos))
    assert all(torch.isfinite(value).all() for value in weights.values())


def test_seed_decides_the_weights(tmp_path, videos):
    config = settings_of()
    zero = run(config, task_in(tmp_path / "0", videos))
    again = run(config, task_in(tmp_path / "again", videos))
    one = run(config, task_in(tmp_path / "1", videos, seed=1))
    assert_equal_weights(zero, again)
    assert any(not torch.equal(zero[name], one[name]) for name in zero)


def test_outputs(tmp_path, videos):
    task = task_in(tmp_path, videos)
    run(settings_of(), task)
    curve = pd.read_csv(task.curve)
    assert {"step", "loss", "diffusion", "mean", "learning_rate", "gradient_norm"} <= set(curve)
    pictures = [path.name for path in (task.checkpoints / "pictures").iterdir()]
    assert sorted(pictures) == ["step-00000004.png", "step-00000006.png"]
    assert list((task.checkpoints / "tensorboard").iterdir())
    predictor = load(task.output)
    context = torch.rand(1, 2, 1, 16, 16)
    forecasts = [predictor.predict(context, 3, 2, seeded_noise([s])) for s in (0, 0, 1)]
    assert forecasts[0].shape == (1, 2, 3, 1, 16, 16)
    assert torch.equal(forecasts[0], forecasts[1])
    assert not torch.equal(forecasts[0], forecasts[2])


def test_loading_checks_the_config(tmp_path, videos):
    task = task_in(tmp_path, videos)
    run(settings_of(), task)
    other = settings_of(steps=7)
    with pytest.raises(UserError, match="under another config"):
        load(task.output, other)
    sampler = settings_of().model_copy(
        update={"sampler": settings_of().sampler.model_copy(update={"steps": 5})}
    )
    assert load(task.output, sampler).config.sampler.steps == 5


def test_journal_survives_a_line_cut_short(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_text(json.dumps({"step": 1, "loss": 2.0}) + '\n{"step": 2, "lo')
    assert read_journal(path) == [{"step": 1, "loss": 2.0}]


def test_micro_batches_train_as_their_batch(tmp_path, videos):
    """With clipping, which sees the gradient of the whole batch alone."""
    curves = {}
    for name, micro_batch in {"whole": {}, "parts": {16: 1}}.items():
        task = task_in(tmp_path / name, videos)
        run(settings_of(batch={16: 4}, micro_batch=micro_batch, gradient_clip=0.5), task)
        curves[name] = pd.read_csv(task.curve)
    for column in ("loss", "diffusion", "gradient_norm"):
        pd.testing.assert_series_equal(curves["whole"][column], curves["parts"][column], rtol=1e-3)


def test_a_training_is_resumed_with_smaller_micro_batches(tmp_path, videos, monkeypatch):
    task = task_in(tmp_path, videos)
    with monkeypatch.context() as patch:
        interrupted_after(3, patch)
        with pytest.raises(Interrupted):
            run(settings_of(), task)
    weights = run(settings_of(micro_batch={16: 1}), task)
    assert all(torch.isfinite(value).all() for value in weights.values())


def test_running_out_of_memory_says_what_the_model_has(tmp_path, videos, monkeypatch):
    def exhausted(self, video):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(TrainingSteps, "take", exhausted)
    with pytest.raises(UserError, match=r"micro_batch: \{16: 1\} \(now 2\), or .*checkpointing"):
        run(settings_of(), task_in(tmp_path, videos))


@pytest.mark.parametrize("damage", [b"\xff\x00", b"[1, 2]", b"{}", b'{"step": null}', b""])
def test_a_damaged_line_of_a_journal_costs_that_line_alone(tmp_path, damage):
    path = tmp_path / "journal.jsonl"
    lines = [json.dumps({"step": step, "loss": 2.0}).encode() for step in (1, 2, 3)]
    path.write_bytes(b"\n".join([lines[0], damage, lines[2]]) + b"\n")
    assert [entry["step"] for entry in read_journal(path)] == [1, 3]
