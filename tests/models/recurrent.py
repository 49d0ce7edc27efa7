"""What the tests of the recurrent models share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks.recurrent import passes
from rvd.interruption import Interrupted
from tests.tiny import moving_squares
from tests.training.test_training import assert_equal_weights, interrupted_after, run, task_in

CONFIG = Path(__file__).parents[2] / "config"


def same_noise(like):
    """The same noise for every row, so that only the clip tells rows apart."""
    generator = torch.Generator().manual_seed(like[0].numel())
    return torch.randn(like.shape[1:], generator=generator, dtype=like.dtype).expand_as(like)


def assert_rows_do_not_mix(model, frames=4):
    """A float64 model's forecast is the same whatever stands beside it in the batch."""
    context = torch.rand(3, frames, model.channels, model.size, model.size, dtype=torch.float64)
    together = model.predict(context, 3, 2, same_noise)
    alone = model.predict(context[1:2], 3, 1, same_noise)
    torch.testing.assert_close(together[1, 0], alone[0, 0])
    torch.testing.assert_close(together[1, 1], alone[0, 0])
    assert not torch.allclose(together[0, 0], alone[0, 0])


def assert_same_gradients(model, video):
    """All frames at once give the loss and the gradients of one frame after the other."""
    found = []
    for compute in passes(model, video).values():
        model.zero_grad()
        loss = compute()
        loss.backward()
        found.append((loss, {name: p.grad.clone() for name, p in model.named_parameters()}))
    (loss, gradients), (other, others) = found
    torch.testing.assert_close(loss, other)
    for name, gradient in gradients.items():
        torch.testing.assert_close(others[name], gradient)


def assert_resumed_equals_uninterrupted(config, videos, folder, monkeypatch):
    """Interrupted at an odd step and taken up again, a training gives the same bits."""
    whole = run(config, task_in(folder / "whole", videos))
    task = task_in(folder / "parts", videos)
    with monkeypatch.context() as patch:
        interrupted_after(1, patch)
        with pytest.raises(Interrupted):
            run(config, task)
    assert_equal_weights(run(config, task), whole)


def losses_after(steps, model, rate, frames=4):
    """The losses of each step on one clip of a moving square."""
    video = torch.from_numpy(moving_squares(frames, model.size)).permute(0, 3, 1, 2)[None]
    optimiser = torch.optim.Adam(model.parameters(), rate)
    torch.manual_seed(0)
    found = []
    for step in range(steps):
        model.begin_step(step)
        losses = model(video)
        optimiser.zero_grad()
        losses["loss"].backward()
        optimiser.step()
        found.append({name: float(value.detach()) for name, value in losses.items()})
    return found
