"""Properties of every trained model."""

import pytest
import torch

from rvd.models.files import load, save
from rvd.models.noise import seeded_noise
from tests.models.assertions import assert_resumes, assert_rows_do_not_mix
from tests.models.tiny_models import TINY

every_model = pytest.mark.parametrize("kind", TINY)
KNOWN, HORIZON, MEMBERS = 4, 6, 2  # DVD-GAN and FutureGAN forecast blocks of four


def clips(model, batch=2):
    """Return random clips of the training's length."""
    training = model.config.training
    return torch.rand(
        batch, training.context + training.future, model.channels, model.size, model.size
    )


def context_for(model, batch=1):
    return torch.rand(batch, KNOWN, model.channels, model.size, model.size)


@every_model
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [64, 128])
def test_the_papers_sizes_and_channels(kind, size, channels):
    model = TINY[kind].model(size, channels)
    for player, module in model.players.items():
        model.zero_grad()
        model(clips(model, 1), player)["loss"].backward()
        slopes = [p.grad for p in module.parameters() if p.grad is not None]
        assert any(slope.any() for slope in slopes)
        assert all(torch.isfinite(slope).all() for slope in slopes)
    forecast = model.eval().predict(context_for(model), HORIZON, MEMBERS, seeded_noise([0]))
    assert forecast.shape == (1, MEMBERS, HORIZON, channels, size, size)
    assert forecast.min() >= 0
    assert forecast.max() <= 1


@every_model
def test_forecasts_follow_from_their_seed(kind):
    model = TINY[kind].model().eval()
    context = context_for(model)
    first, again, other = (
        model.predict(context, HORIZON, MEMBERS, seeded_noise([s])) for s in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert torch.equal(first, other) is not TINY[kind].stochastic
    assert torch.equal(first[:, 0], first[:, 1]) is not TINY[kind].stochastic


@every_model
def test_clips_and_members_do_not_mix(kind):
    """A forecast does not depend on the other clips of the batch."""
    model = TINY[kind].model().double().eval()
    assert_rows_do_not_mix(model, context_for(model, 3).double(), HORIZON)


@every_model
def test_bfloat16_is_stable(kind):
    model = TINY[kind].model()
    for player, module in model.players.items():
        with torch.autocast("cpu", torch.bfloat16):
            losses = model(clips(model), player)
        model.zero_grad()
        losses["loss"].backward()
        slopes = [p.grad for p in module.parameters() if p.grad is not None]
        assert all(torch.isfinite(slope).all() for slope in slopes)


@every_model
def test_saved_and_loaded_is_the_same_without_critics(kind, tmp_path):
    model = TINY[kind].model().eval()
    save(model, tmp_path / "p.safetensors", {})
    loaded = load(tmp_path / "p.safetensors", model.config)
    context = context_for(model)
    one, two = (m.predict(context, HORIZON, MEMBERS, seeded_noise([3])) for m in (model, loaded))
    assert torch.equal(one, two)
    assert not any(hasattr(loaded, name) for name in model.training_only)


@every_model
def test_resumed_equals_uninterrupted_bit_for_bit(kind, tmp_path, monkeypatch):
    tiny = TINY[kind]
    config = tiny.section(steps=10 if kind == "future-gan" else 5)  # enough to grow fully
    rows = assert_resumes(config, tiny.size, tmp_path, monkeypatch, at=3)
    adversarial = {"generator_loss", "generator_diversity", "critics_loss"}
    assert ({"loss"} if "loss" in rows[0] else adversarial) <= rows[0].keys()
