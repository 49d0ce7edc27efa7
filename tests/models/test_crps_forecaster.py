"""The forecaster that is trained on the CRPS."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from rvd.metrics.functional.crps import crps, fair_crps
from rvd.models.crps.config import CrpsConfig, NoiseConfig
from rvd.models.crps.loss import almost_fair_crps
from rvd.models.crps.noise import member_noise, training_source
from rvd.models.noise import micro_batches, seeded_noise
from rvd.models.registry import build
from tests.models.tiny_models import TINY

TINY_CRPS = TINY["crps"]


def section(**changes):
    """The tiny model's section with other values."""
    return CrpsConfig.model_validate(TINY_CRPS.section().model_dump(mode="json") | changes)


@pytest.mark.parametrize("members", [2, 3, 5])
@pytest.mark.parametrize("alpha", [0.0, 0.95, 1.0])
def test_the_loss_is_the_crps_by_which_forecasts_are_scored(members, alpha):
    forecast = torch.randn(members, 4, 6, dtype=torch.float64)
    truth = torch.randn(4, 6, dtype=torch.float64)
    expected = alpha * fair_crps(forecast.numpy(), truth.numpy()) + (1 - alpha) * crps(
        forecast.numpy(), truth.numpy()
    )
    assert float(almost_fair_crps(forecast, truth, alpha)) == pytest.approx(expected.mean())


def test_the_gradient_of_the_loss():
    forecast = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    truth = torch.randn(5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: almost_fair_crps(x, truth, 0.95), forecast)


def test_two_members_have_a_degenerate_direction_only_at_alpha_1():
    """With one member at the truth, the fair CRPS does not see where the other one is."""
    near, far = (torch.tensor([[0.0], [away]]) for away in (0.1, 9.0))
    truth = torch.zeros(1)
    assert float(almost_fair_crps(far, truth, 1.0)) == float(almost_fair_crps(near, truth, 1.0))
    assert almost_fair_crps(far, truth, 0.95) > almost_fair_crps(near, truth, 0.95)


def test_the_loss_is_smallest_for_members_of_the_truths_distribution():
    truth = torch.randn(20_000)
    losses = {
        deviation: float(almost_fair_crps(deviation * torch.randn(2, 20_000), truth, 1.0))
        for deviation in (0.6, 1.0, 1.5)
    }
    assert min(losses, key=losses.__getitem__) == 1.0


def test_one_member_has_no_fair_crps():
    with pytest.raises(ValueError, match="needs two members"):
        almost_fair_crps(torch.zeros(1, 3), torch.zeros(3), 1.0)


def test_a_frame_takes_one_evaluation():
    model = TINY_CRPS.model().eval()
    calls = []
    model.generator.register_forward_hook(lambda *_: calls.append(1))
    model.predict(torch.rand(2, 3, 1, 16, 16), 5, 4, seeded_noise([0, 1]))
    assert len(calls) == 5


@pytest.mark.parametrize(("persistence", "correlation"), [(0.0, 0.0), (0.6, 0.6), (1.0, 1.0)])
def test_a_members_noise_persists_from_frame_to_frame(persistence, correlation):
    config = NoiseConfig(vector=50_000, map=True)
    source = seeded_noise([0])
    first = member_noise(source, torch.zeros(1, 1, 200, 200), config)
    second = first.following(source, config, persistence)
    for before, after in [
        (first.vector, second.vector),
        (first.noise_map, second.noise_map),
    ]:
        found = np.corrcoef(before.flatten(), after.flatten())[0, 1]
        assert found == pytest.approx(correlation, abs=0.02)
        assert float(after.std()) == pytest.approx(1, abs=0.02)


def test_micro_batches_share_the_noise_of_the_batch():
    frames, members, clips = 3, 2, 4
    rows = torch.zeros(frames * clips * members, 5)

    def by_clip(noise):
        return noise.unflatten(0, (frames, -1, members)).transpose(0, 1)

    torch.manual_seed(0)
    whole = by_clip(training_source(clips, frames)(rows))
    torch.manual_seed(0)
    parts = [
        by_clip(training_source(len(part), frames)(rows[: frames * len(part) * members]))
        for part in micro_batches(torch.zeros(clips, 1), 2)
    ]
    assert torch.equal(whole, torch.cat(parts))
    assert whole.unique().numel() == whole.numel()


def test_the_roll_outs_begin_at_their_step():
    model = TINY_CRPS.model()
    video = torch.rand(2, 4, 1, 16, 16)
    fed_back = []
    model.context_encoder.register_forward_hook(
        lambda _, given, out: fed_back.append(len(given[0]))
    )
    model.begin_step(3)
    model(video)
    assert fed_back == [3]  # the recorded frames but the last, at once
    fed_back.clear()
    model.begin_step(4)  # 0.6 of 6 steps is 3.6
    model(video)["loss"].backward()
    assert fed_back == [2, 1]  # the only start that leaves two frames, then the first forecast
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_only_roll_outs_make_the_weights_depend_on_the_sampler():
    other = {"sampler": {"persistence": 0.5}}
    assert section().training_fingerprint() != section(**other).training_fingerprint()
    one_step = {"roll_out": None}
    kept = section(**one_step).training_fingerprint()
    assert kept == section(**one_step, **other).training_fingerprint()
    assert section().sampling_fingerprint() != section(**other).sampling_fingerprint()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": 1}, "members"),
        ({"alpha": 1.5}, "alpha"),
        ({"noise": {"vector": 0}}, "noise.*equal members"),
        ({"roll_out": {"frames": 3, "start": 0.5}}, "roll_out.frames: 3 are more than the 2"),
        ({"roll_out": {"frames": 1, "start": 0.5}}, "roll_out.frames"),
        ({"sampler": {"persistence": 2}}, "persistence"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ValidationError, match=f"(?s){message}"):
        section(**changes)


@pytest.mark.slow
def test_learns_the_spread_of_an_uncertain_future():
    """After the same context, a pattern is added to half of the clips and subtracted from half."""
    torch.manual_seed(0)
    model = build(section(roll_out=None), 16, 1)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    pattern = 0.2 * torch.sin(0.8 * columns) * torch.cos(0.6 * rows)
    video = (0.3 * torch.rand(16, 16) + 0.35).repeat(8, 4, 1, 1, 1)
    video[:4, 2:] += pattern
    video[4:, 2:] -= pattern
    for _ in range(60):
        loss = model(video)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    forecast = model.eval().predict(video[:1, :2], 1, 32, seeded_noise([0]))[0, :, 0, 0]
    error = (forecast.mean(0) - video[0, 0]).abs().mean()
    spread = forecast.std(0).mean()
    assert spread > 0.5 * pattern.abs().mean()  # equal to it for the two outcomes
    assert error < 0.5 * pattern.abs().mean()
