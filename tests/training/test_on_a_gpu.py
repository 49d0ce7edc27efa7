"""Trainings do not let a GPU, or other processes, wait for them."""

import time
from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rvd.errors import UserError
from rvd.training import alone, train
from rvd.training.alone import SharedFlags
from rvd.training.checkpoint import snapshot
from rvd.training.history import read_history
from rvd.training.journal import Journal, journal_path, read_journal
from rvd.training.losses import LossMonitor
from rvd.training.optimisers import adam, load_optimiser, optimiser_state, set_rate
from rvd.training.steps import MovingAverage, TrainingSteps
from tests.models.fake_device import DeviceWatch
from tests.models.tiny_models import TINY, built
from tests.tiny import task_in, write_squares

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="a CUDA graph needs a GPU")


def test_flags_of_one_process_are_seen_at_once():
    flags = SharedFlags(Accelerator(cpu=True))
    assert flags.in_any_process(True, False) == (True, False)


def test_flags_of_several_processes_are_exchanged_at_intervals(monkeypatch):
    clock, exchanges, seen = [0.0], [], []
    monkeypatch.setattr(alone.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(Accelerator, "num_processes", 2)
    accelerator = Accelerator(cpu=True)
    # The other process has the same flags and times.
    monkeypatch.setattr(accelerator, "reduce", lambda values, _: exchanges.append(1) or values)
    flags = SharedFlags(accelerator)
    for _ in range(41):
        clock[0] += alone.PERIOD / 9.9  # a step
        seen.append(flags.in_any_process(True, False))
    assert len(exchanges) == seen.count((True, False)) == 5
    assert seen[0] == (True, False)
    assert seen.count((False, False)) == 36


def test_losses_are_reduced_and_read_together_at_journal_steps_only(tmp_path):
    means = []

    def mean(values):
        means.append(values)
        return values / 2

    bar = SimpleNamespace(update=lambda: None, set_postfix_str=lambda *_, **__: None)
    journal = Journal(tmp_path, 0, 20000, 1)
    monitor = LossMonitor(bar, journal, 3, 3, mean)
    for step in range(1, 7):
        monitor.record(step, {"loss": torch.tensor(float(step)), "learning_rate": 0.1})
        monitor.check() if step == 6 else None
    assert [len(values) for values in means] == [1, 1]
    entries = read_journal(journal_path(tmp_path))
    assert [(entry["step"], entry["loss"]) for entry in entries] == [(3, 1.5), (6, 3)]
    assert entries[0]["learning_rate"] == 0.1
    monitor.record(7, {"loss": torch.tensor(float("nan"))})
    with pytest.raises(UserError, match="step 7: loss is nan"):
        monitor.check()


def test_a_snapshot_is_not_changed_by_later_steps():
    state = {"model": {"w": torch.zeros(2)}, "list": [torch.zeros(1), 3], "none": None}
    copied = snapshot(state)
    state["model"]["w"].add_(1)
    state["list"][0].add_(1)
    assert copied["model"]["w"].sum() == copied["list"][0].sum() == 0
    assert copied["list"][1] == 3
    assert copied["none"] is None


def test_checkpoints_are_also_written_by_time(tmp_path, monkeypatch):
    tiny, saved = TINY["rvd"], []
    config = tiny.section(steps=4, checkpoint_every=100, checkpoint_minutes=1e-9)
    monkeypatch.setattr(
        "rvd.training.loop.save_checkpoint", lambda folder, step, *_: saved.append(step)
    )
    train(built(config, 16), config.training, task_in(tmp_path, write_squares(tmp_path / "v.h5")))
    assert saved == [1, 2, 3, 4]


def test_an_error_of_the_writing_ends_the_training(tmp_path, monkeypatch):
    config = TINY["rvd"].section(steps=5, checkpoint_every=2)
    task = task_in(tmp_path, write_squares(tmp_path / "v.h5"))

    def full(folder, step, *_):
        time.sleep(0.01)
        raise UserError(f"{folder}: cannot be written")

    monkeypatch.setattr("rvd.training.loop.save_checkpoint", full)
    with pytest.raises(UserError, match="cannot be written"):
        train(built(config, 16), config.training, task)
    assert [event["event"] for event in read_history(task.checkpoints)] == ["began", "failed"]


def test_validation_takes_few_steps(tmp_path):
    values = TINY["rvd"].values | {"diffusion_steps": 50, "sampler": {"method": "ancestral"}}
    tiny = type(TINY["rvd"])(values, training=TINY["rvd"].training)
    model, calls = tiny.model(), []
    model.denoiser.register_forward_hook(lambda *_: calls.append(1))
    context = torch.rand(1, 2, 1, 16, 16)
    model.predict(context, 1, 1, torch.randn_like, **model.preview_options())
    assert len(calls) == 20
    assert model.preview_options()["sampler"].method == "ddim"
    few = TINY["rvd"].model()  # two steps of DDIM
    assert few.preview_options()["sampler"] == few.config.sampler


def test_the_state_of_adam_does_not_depend_on_a_graph():
    weights = [torch.nn.Parameter(torch.ones(2))]
    settings = TINY["rvd"].section().training
    plain, graphed = adam(weights, settings), adam(weights, settings, graphed=True)
    weights[0].grad = torch.ones(2)
    plain.step()
    state = optimiser_state(plain)
    load_optimiser(graphed, state)
    (group,) = graphed.param_groups
    assert isinstance(group["lr"], torch.Tensor)
    assert group["capturable"]
    rate = group["lr"]
    set_rate(graphed, 0.25)
    assert group["lr"] is rate
    assert float(rate) == 0.25
    set_rate(plain, 0.25)
    again = optimiser_state(graphed)
    assert again["param_groups"] == optimiser_state(plain)["param_groups"]
    assert torch.equal(again["state"][0]["exp_avg"], state["state"][0]["exp_avg"])


def test_the_moving_average_equals_that_of_torch():
    def network():
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))

    one, other = network(), network()
    ours = MovingAverage(one, 0.9)
    theirs = AveragedModel(other, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    for step in range(4):
        for model, average in ((one, ours), (other, theirs)):
            torch.manual_seed(step)
            model(torch.rand(5, 3))
            for weight in model.parameters():
                weight.data.add_(torch.randn_like(weight))
            average.update_parameters(model)
    state = ours.state_dict()
    assert state.keys() == theirs.state_dict().keys()
    assert all(torch.equal(value, state[key]) for key, value in theirs.state_dict().items())


def test_the_moving_average_does_not_wait_for_the_device():
    model = torch.nn.BatchNorm1d(2, device="meta")
    average = MovingAverage(model, 0.9)
    with DeviceWatch() as watch:
        for _ in range(2):
            average.update_parameters(model)
    assert not watch.waits
    theirs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    with DeviceWatch() as watch:
        for _ in range(2):
            theirs.update_parameters(model)
    assert watch.waits


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_graph_of_steps_needs_a_gpu():
    tiny = TINY["rvd"]
    with pytest.raises(UserError, match=r"compute\.compile: cuda-graph needs a GPU; give default"):
        TrainingSteps(Accelerator(cpu=True), tiny.model(), tiny.section().training, 0, graphed=True)


def graphed_steps(graphed=True):
    tiny = TINY["rvd"]
    model = built(tiny.section(), 16)
    return TrainingSteps(Accelerator(), model, tiny.section().training, 0, graphed=graphed)


def losses_of(steps, video):
    return [float(steps.take(clips)["loss"]) for clips in video]


@needs_gpu
def test_a_graph_of_steps_has_the_losses_of_eager_steps():
    video = torch.rand(12, 2, 4, 1, 16, 16, device="cuda")
    one, other = (losses_of(graphed_steps(graphed), video) for graphed in (False, True))
    assert other == pytest.approx(one, rel=1e-4)


@needs_gpu
@pytest.mark.parametrize("after", [False, True], ids=["without a graph", "with a graph"])
def test_a_graph_of_steps_resumes(after):
    video = torch.rand(12, 2, 4, 1, 16, 16, device="cuda")
    whole, first, second = graphed_steps(), graphed_steps(), graphed_steps(after)
    losses = losses_of(whole, video)
    before = losses_of(first, video[:6])
    second.restore(6, snapshot(first.state()))
    assert before + losses_of(second, video[6:]) == pytest.approx(losses, rel=1e-4)
