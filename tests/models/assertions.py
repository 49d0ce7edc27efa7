"""Assertions that the tests of several models share."""

from __future__ import annotations

import copy

import pytest
import torch
from safetensors.torch import load_file

from benchmarks.recurrent import passes
from rvd.training import train
from rvd.training.steps import TrainingSteps
from tests.models.tiny_models import built
from tests.tiny import moving_squares, task_in, write_squares


def assert_rows_do_not_mix(model, context, horizon):
    """Assert that a float64 model's forecast does not depend on the other clips of the batch."""

    def noise(like):
        # The same noise for every row, so that rows differ by their clips alone.
        generator = torch.Generator().manual_seed(like[0].numel())
        row = torch.randn(like.shape[1:], generator=generator, dtype=like.dtype)
        return row.expand_as(like)

    together = model.predict(context, horizon, 2, noise)
    alone = model.predict(context[1:2], horizon, 1, noise)
    torch.testing.assert_close(together[1:2, :1], alone)
    torch.testing.assert_close(together[1:2, 1:], alone)
    assert not torch.allclose(together[:1, :1], alone)


class KilledError(BaseException):
    """The end of a training without a chance to save."""


def assert_resumes(config, size, folder, monkeypatch, at):
    """Assert that a training killed ``at`` a step (from 0) and resumed equals an uninterrupted one.

    Returns:
        The rows of the uninterrupted training's curve.
    """
    videos = write_squares(folder / "v.h5", size=size)
    whole, parts = task_in(folder / "whole", videos), task_in(folder / "parts", videos)

    def run(task):
        train(built(config, size), config.training, task)
        return load_file(task.output)

    original = TrainingSteps.take

    def dying(self, video):
        if self.done == at:
            raise KilledError
        return original(self, video)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingSteps, "take", dying)
        with pytest.raises(KilledError):
            run(parts)
    one, other = run(whole), run(parts)
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name
    header, *rows = (line.split(",") for line in whole.curve.read_text().splitlines())
    return [dict(zip(header, row, strict=True)) for row in rows]


def assert_same_gradients(model, video):
    """Assert that all frames at once give the loss and gradients of frame-by-frame computation."""
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


def assert_bfloat16_is_near(model, video):
    """Assert that each player's loss and gradient in bfloat16 are near those in float32."""
    for player in model.players:
        found = []
        for precision in (torch.float32, torch.bfloat16):
            again = copy.deepcopy(model)
            for module in again.players.values():
                module.requires_grad_(module is again.players[player])
            torch.manual_seed(0)
            with torch.autocast("cpu", torch.bfloat16, precision == torch.bfloat16):
                loss = again(video, player)["loss"]
            loss.backward()
            parameters = again.players[player].parameters()
            slopes = [p.grad.flatten() for p in parameters if p.grad is not None]
            found.append((float(loss.detach()), torch.cat(slopes)))
        (loss, slope), (rounded_loss, rounded_slope) = found
        assert rounded_loss == pytest.approx(loss, rel=0.05, abs=0.1), player
        assert torch.cosine_similarity(slope, rounded_slope, 0) > 0.9, player


def losses_after(steps, model, rate, frames=4):
    """Return the losses of each training step on one clip of a moving square."""
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
