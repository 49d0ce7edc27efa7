from pathlib import Path

import pytest
import torch

from rvd.config.errors import ConfigError
from rvd.experiment.loading import experiment_from_mapping, load_experiment
from rvd.models.files import parameters
from rvd.models.ivrnn.config import IvrnnConfig
from rvd.models.noise import seeded_noise
from rvd.models.registry import build
from tests.models.assertions import assert_same_gradients, losses_after
from tests.models.tiny_models import TINY, awake, built
from tests.tiny import config

PAPER = Path(__file__).parents[2] / "config/config.yaml"
TRAINING = {
    "context": 3,
    "future": 2,
    "steps": 4,
    "batch": {16: 2},
    "learning_rate": {"initial": 1e-3},
}
VALUES = TINY["ivrnn"].values | {"divergence_warmup": 0, "training": TRAINING}


def model_of(**changes):
    return built(IvrnnConfig.model_validate(VALUES | changes), 16)


@pytest.mark.parametrize(("size", "expected"), [(64, 239e6), (128, 320e6)])
@pytest.mark.parametrize("name", ["ivrnn", "ivrnn-4+4"])
def test_as_many_parameters_as_the_source(name, size, expected):
    published = load_experiment([PAPER]).models[name]
    with torch.device("meta"):
        model = build(published, size, 3)
    assert parameters(model) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("size", [64, 128])
def test_features_and_latents_of_the_paper(size):
    published = load_experiment([PAPER]).models["ivrnn"]
    with torch.device("meta"):
        model = build(published, size, 3)
        features = model.embedding(torch.empty(1, 1, 3, size, size))
    resolutions = [level.shape[-1] for level in features]
    assert resolutions == [*(size // 2**k for k in range(len(features) - 1)), 1]
    assert [level.shape[2] for level in features][:4] == [64, 128, 256, 512]
    assert [resolutions[level] for level in model.prior.levels] == [1, size // 8, size // 2]


def test_all_frames_at_once_is_frame_by_frame():
    model = awake(model_of(divergence_weight=0.3)).double()
    assert_same_gradients(model, torch.rand(2, 6, 1, 16, 16, dtype=torch.float64))


def test_a_longer_forecast_starts_as_the_shorter_one():
    """The source's sampler resamples the latents of earlier frames for every new one."""
    model = awake(model_of()).eval()
    context = torch.rand(2, 3, 1, 16, 16)
    long, short = (model.predict(context, h, 2, seeded_noise([0, 1])) for h in (5, 2))
    assert torch.equal(long[:, :, :2], short)


def test_forecast_work_grows_linearly_with_the_horizon(monkeypatch):
    """The source's sampler runs the whole sequence again for every frame."""
    model = model_of().eval()
    embedded = []
    model.embedding.register_forward_pre_hook(lambda _, given: embedded.append(len(given[0])))
    counts = []
    for horizon in (4, 8, 16):
        embedded.clear()
        model.predict(torch.rand(1, 3, 1, 16, 16), horizon, 1, seeded_noise([0]))
        counts.append(sum(embedded))
    assert counts == [3 + 3, 3 + 7, 3 + 15]


def test_first_states_depend_on_every_context_frame():
    model = model_of().eval()
    context = torch.rand(3, 1, 1, 16, 16)
    states = model.renderer.begin(model.embedding(context))
    for frame in range(3):
        changed = context.clone()
        changed[frame] = torch.rand(1, 1, 16, 16)
        others = model.renderer.begin(model.embedding(changed))
        for state, other in zip(states, others, strict=True):
            assert not torch.equal(state.hidden, other.hidden)
    # The order matters: each frame has its own channels.
    flipped = model.renderer.begin(model.embedding(context.flip(0)))
    assert not torch.allclose(states[-1].hidden, flipped[-1].hidden)


@pytest.mark.parametrize("dense", [True, False])
def test_dense_priors_see_the_coarser_latents(dense):
    model = awake(model_of(dense_prior=dense))
    features = model.embedding(torch.rand(3, 1, 1, 16, 16))
    state = model.prior.begin(features)[1]
    own = [level[-1:] for level in features]
    one, other = (
        model.prior(1, own, [torch.full((1, 1, 2, 1, 1), value)], state)[0].mean
        for value in (0.0, 1.0)
    )
    assert torch.equal(one, other) != dense


def test_priors_do_not_see_the_next_frame():
    model = awake(model_of())
    video = torch.rand(1, 5, 1, 16, 16)
    changed = video.clone()
    changed[:, 4] = 0
    noise = [torch.zeros(1, 2, 2, 1, 1), torch.zeros(1, 2, 3, 8, 8)]
    seen = []
    original = model.prior.forward

    def spy(*arguments):
        distribution, state = original(*arguments)
        seen.append(distribution.mean)
        return distribution, state

    model.prior.forward = spy
    for clip in (video, changed):
        pending = iter(noise)
        model(clip, noise=lambda like, pending=pending: next(pending))
    assert torch.equal(seen[0], seen[2])  # the coarsest; finer ones read the posterior's latents


def test_divergence_warms_up():
    model = model_of(divergence_warmup=4, divergence_weight=0.5)
    video = torch.rand(1, 5, 1, 16, 16)
    weights = []
    for step in (0, 1, 3, 9):
        model.begin_step(step)
        torch.manual_seed(0)
        losses = model(video)
        weights.append(float(losses["divergence_weight"]))
        error = float(losses["reconstruction"].detach()) * 2 * 256
        expected = error + weights[-1] * float(losses["divergence"].detach()) * 2
        assert float(losses["loss"].detach()) == pytest.approx(expected, rel=1e-4)
    assert weights == [0.125, 0.25, 0.5, 0.5]


def test_learns():
    losses = losses_after(60, model_of(), rate=5e-3, frames=5)
    assert losses[-1]["reconstruction"] < losses[0]["reconstruction"] / 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": {16: {"widths": [16, 16, 32], "latents": {1: 2}}}}, "for images of 8 pixels"),
        ({"networks": {32: VALUES["networks"][16]}}, "no entry for images of 16"),
        ({"networks": {16: {"widths": [16, 16, 16, 32], "latents": {2: 2}}}}, "no map of 2 pixels"),
        (
            {"networks": {16: VALUES["networks"][16] | {"context_kernels": {2: 3}}}},
            "no map of 2 pixels",
        ),
        ({"networks": {16: {"widths": [16, 16, 16, 16], "latents": {1: 2}}}}, "give 32 or more"),
        ({"networks": {16: {"widths": [16, 20, 16, 32], "latents": {1: 2}}}}, "multiple of 16"),
        ({"training": TRAINING | {"context": 2}}, "for 2 context frames take no 3"),
    ],
)
def test_refused_in_one_line(changes, message):
    values = config()
    values["models"] = {"ivrnn": VALUES | changes}
    values["run"]["models"] = ["ivrnn"]
    values["evaluation"]["context"] = 3
    with pytest.raises(ConfigError, match=message) as caught:
        experiment_from_mapping(values)
    assert "\n" not in str(caught.value)
