"""Every model computes on one device, and never makes the host wait for it.

The tests run on fake CUDA tensors, without a GPU (:mod:`tests.models.fake_device`).
"""

from contextlib import nullcontext

import pytest
import torch

from rvd.models.future_gan import model as future_gan
from tests.models.fake_device import DeviceWatch, fake_device, move
from tests.models.tiny_models import TRACED, Tiny

every_model = pytest.mark.parametrize("kind", TRACED)
MEMBERS = 2
STEP = 4  # growing and warming up
VARIANTS = {
    "rvd": [{"residual": False}, {"objective": {"sigma": 1.0, "target": "velocity"}}],
    "svg-lp": [{"normalisation": "batch"}, {"recurrence": "vectors"}],
}


def clips(model, device):
    training = model.config.training
    frames = training.context + training.future
    return torch.rand(2, frames, model.channels, model.size, model.size, device=device)


def built(kind, **changes):
    tiny = TRACED[kind]
    return Tiny(tiny.values | changes, tiny.size, tiny.training).model()


def waits_of_training(model, device, backward):
    """Return the operations of a step's passes, of each player, for which the host waits."""
    video = clips(model, device)
    with DeviceWatch() as watch:
        model.begin_step(STEP)
        for player, module in model.players.items():
            for other in model.players.values():
                other.requires_grad_(other is module)
            losses = model(video, player)
            assert {value.device.type for value in losses.values()} == {device}
            if backward:
                losses["loss"].backward()
                assert any(p.grad is not None for p in module.parameters())
    return watch.waits


@every_model
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
def test_a_training_pass_needs_no_value_of_the_device(kind, precision, monkeypatch):
    # Its backward pass is in the test below.
    monkeypatch.setattr(
        future_gan, "gradient_penalty", lambda critic, points: critic(points).mean()
    )
    for changes in [{}, *VARIANTS.get(kind, [])] if precision == torch.float32 else [{}]:
        model = built(kind, **changes)
        with fake_device() as mode:
            move(model, "cuda", mode)
            with torch.autocast("cuda", torch.bfloat16, enabled=precision == torch.bfloat16):
                assert waits_of_training(model, "cuda", backward=False) == []


@every_model
def test_a_backward_pass_needs_no_value_of_the_device(kind, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # not on this device
    model = built(kind)
    with fake_device() as mode:
        move(model, "meta", mode)
        assert waits_of_training(model, "meta", backward=True) == []


@every_model
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
def test_a_forecast_needs_no_value_of_the_device(kind, precision, monkeypatch):
    model = TRACED[kind].model().eval()
    known = model.config.training.context
    context = torch.rand(1, known, model.channels, model.size, model.size)
    model.predict(context, 1, 1, torch.randn_like)  # the sampler's weights are computed once
    # Read once per forecast, not per frame.
    monkeypatch.setattr(future_gan.FutureGan, "_stored_growth", lambda model: (model.size, 1.0))
    with fake_device() as mode:
        move(model, "cuda", mode)
        context = torch.rand(2, known, model.channels, model.size, model.size, device="cuda")
        with (
            torch.autocast("cuda", torch.bfloat16, enabled=precision == torch.bfloat16),
            DeviceWatch() as watch,
        ):
            # One frame more than a block.
            horizon = model.config.training.future + 1
            forecast = model.predict(context, horizon, MEMBERS, torch.randn_like)
    assert forecast.device.type == "cuda"
    assert watch.waits == []


def test_waits_and_mismatches_are_noticed():
    with fake_device():
        of_gpu, of_cpu = torch.rand(3, device="cuda"), torch.rand(3)
        with DeviceWatch() as watch:
            torch.full((), 2.0, device="cuda") * of_gpu
            of_gpu * torch.tensor(2.0)
            assert watch.waits == []
            of_cpu.to("cuda")
            torch.tensor(2.0, device="cuda")
            of_gpu[[0, 2]]
        assert watch.waits == 3 * ["_to_copy between cpu and cuda"]
        with pytest.raises(RuntimeError, match="device"):
            of_gpu + of_cpu
        with DeviceWatch() as watch, pytest.raises(Exception, match="scalar"):
            of_gpu.sum().item()
        assert watch.waits == ["_local_scalar_dense"]
