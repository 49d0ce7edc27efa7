"""What the tests of all adversarial models ask for."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from safetensors.torch import load_file

from rvd.config import Model
from rvd.models import VideoPredictor, build
from rvd.training import TrainingTask, train
from rvd.training.loop import _Trainer
from tests.tiny import write_squares


def section(values: dict[str, Any], size: int, **training: Any) -> Any:
    """A model's section of the config, with a short training at ``size``."""
    defaults = {
        "context": 4,
        "future": 4,
        "steps": 6,
        "batch": {size: 2},
        "learning_rate": {"initial": 1e-3},
        "checkpoint_every": 2,
        "validate_every": 4,
        "journal_every": 1,
    }
    adapter: TypeAdapter[Any] = TypeAdapter(Model)
    return adapter.validate_python(values | {"training": defaults | training})


def built(config: Any, size: int, channels: int = 1, seed: int = 0) -> VideoPredictor:
    """The model with the initial weights of ``seed``."""
    torch.manual_seed(seed)
    return build(config, size, channels)


def task_in(folder, videos) -> TrainingTask:
    """A training of ``videos`` that keeps its state in ``folder``."""
    return TrainingTask(
        name="squares",
        video=videos,
        augmentation="none",
        seed=0,
        stamp={},
        checkpoints=folder / "checkpoints",
        output=folder / "predictor.safetensors",
        curve=folder / "curve.csv",
    )


class KilledError(BaseException):
    """A training's end without a chance to save."""


def assert_resumes(config, folder, monkeypatch, at):
    """A training that dies ``at`` a step (from 0) and goes on ends as one that did not.

    Returns:
        the task of the one that did not.
    """
    videos = write_squares(folder / "v.h5", size=config_size(config))
    whole, parts = task_in(folder / "whole", videos), task_in(folder / "parts", videos)

    def run(task):
        train(built(config, config_size(config)), config.training, task)

    original = _Trainer._step

    def dying(self, video):
        if self.step == at:
            raise KilledError
        return original(self, video)

    run(whole)
    with monkeypatch.context() as patch:
        patch.setattr(_Trainer, "_step", dying)
        with pytest.raises(KilledError):
            run(parts)
    run(parts)
    one, other = load_file(whole.output), load_file(parts.output)
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name
    return whole


def config_size(config) -> int:
    """The one size of a section's batches."""
    (size,) = config.training.batch
    return size


def assert_rows_do_not_mix(model, context, horizon):
    """A forecast is the same whatever stands beside it, in float64 to rounding."""
    model = model.double().eval()
    context = context.double()

    def draw(like):
        generator = torch.Generator().manual_seed(like[0].numel())
        noise = torch.randn(like.shape[1:], generator=generator, dtype=like.dtype)
        return noise.expand_as(like)

    together = model.predict(context, horizon, 2, draw)
    alone = model.predict(context[1:], horizon, 1, draw)
    torch.testing.assert_close(together[1:, :1], alone)
    torch.testing.assert_close(together[1:, 1:], alone)


def assert_bfloat16_is_near(model, video):
    """Each player's loss and gradient in bfloat16 point where float32's do."""
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
