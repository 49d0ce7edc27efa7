from pathlib import Path

import pytest
import torch

from rvd.config.errors import ConfigError
from rvd.experiment.loading import experiment_from_mapping, load_experiment
from rvd.models.files import load, parameters, save
from rvd.models.layers.gaussian import Gaussian
from rvd.models.noise import seeded_noise
from rvd.models.registry import build
from rvd.models.svg_lp.config import SvgLpConfig
from tests.models.assertions import assert_rows_do_not_mix, assert_same_gradients, losses_after
from tests.models.tiny_models import TINY, built
from tests.tiny import config

PAPER = Path(__file__).parents[2] / "config/config.yaml"
TRAINING = {
    "context": 2,
    "future": 2,
    "steps": 4,
    "batch": {16: 2},
    "learning_rate": {"initial": 1e-3},
}
VALUES = TINY["svg-lp"].values | {"normalisation": "batch", "training": TRAINING}


def model_of(**changes):
    return built(SvgLpConfig.model_validate(VALUES | changes), 16)


@pytest.mark.parametrize(
    ("size", "widths", "depths", "encoder", "decoder"),
    [
        (64, [64, 128, 256, 512], [2, 2, 3, 3], 8.7e6, 11.8e6),
        (128, [64, 128, 256, 512, 512], [2, 2, 3, 3, 3], 15.8e6, 21.3e6),
    ],
)
def test_as_many_parameters_as_the_source(size, widths, depths, encoder, decoder):
    """The numbers are those of its VGG64 and VGG128 with ``vectors``."""
    published = load_experiment([PAPER]).models["svg-lp"]
    changes = {
        "recurrence": "vectors",
        "networks": {size: {"widths": widths, "depths": depths}},
    }
    with torch.device("meta"):
        model = build(SvgLpConfig.model_validate(published.model_dump() | changes), size, 3)
    assert parameters(model.encoder) == pytest.approx(encoder, rel=0.01)
    assert parameters(model.decoder) == pytest.approx(decoder, rel=0.01)


@pytest.mark.parametrize("size", [64, 128])
def test_maps_of_the_paper(size):
    published = load_experiment([PAPER]).models["svg-lp"]
    with torch.device("meta"):
        model = build(published, size, 3)
        h, skips = model.encoder(torch.empty(2, 1, 3, size, size))
        z, _ = model.prior(h, (None,))
    assert h.shape == (2, 1, 128, size // 16, size // 16)
    assert [skip.shape[2] for skip in skips] == [64, 128, 256, 512]
    assert z.mean[0, 0].numel() == 128


def test_latent_channels_are_one_number_or_one_for_each_size(tmp_path):
    one = SvgLpConfig.model_validate(VALUES | {"latent_channels": 3})
    by_size = SvgLpConfig.model_validate(VALUES | {"latent_channels": {16: 3, 64: 2}})
    assert [section.latent_channels_at(16) for section in (one, by_size)] == [3, 3]
    assert (
        one.training_fingerprint()["latent_channels"] == 3
    )  # as in predictor files of earlier versions
    assert by_size.why_not_size(128).startswith(
        "latent_channels: no entry for images of 128 pixels"
    )
    save(built(by_size, 16), tmp_path / "p.safetensors", {})
    assert load(tmp_path / "p.safetensors", by_size).config == by_size


@pytest.mark.parametrize("wrong", [0, "many", {16: 0}, {"small": 2}, None])
def test_other_latent_channels_are_refused_in_one_line(wrong):
    values = config()
    values["models"]["svg-lp"] = VALUES | {"latent_channels": wrong}
    with pytest.raises(ConfigError, match=r"models\.svg-lp\.latent_channels: give a num") as caught:
        experiment_from_mapping(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("recurrence", ["maps", "vectors"])
@pytest.mark.parametrize("normalisation", ["batch", "group"])
def test_every_form_learns_and_forecasts(normalisation, recurrence):
    model = model_of(normalisation=normalisation, recurrence=recurrence)
    video = torch.rand(1, 4, 1, 16, 16)
    model(video)["loss"].backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    forecast = model.eval().predict(video[:, :3], 3, 2, seeded_noise([0]))
    assert forecast.shape == (1, 2, 3, 1, 16, 16)


def test_all_frames_at_once_is_frame_by_frame():
    model = model_of(normalisation="group").double()
    assert_same_gradients(model, torch.rand(2, 5, 1, 16, 16, dtype=torch.float64))


@pytest.mark.parametrize(
    ("skip_from", "expected"), [("last", [0, 1, 2, 3, 3, 3]), ("before-last", [0, 1, 2, 2, 2, 2])]
)
def test_skips_come_from_the_last_context_frame(skip_from, expected):
    """The source takes the one before it, by an index that is off by one."""
    model = model_of(skip_from=skip_from, training=TRAINING | {"context": 4})
    assert [model._skip_frame(frame, 4) for frame in range(1, 7)] == expected


@pytest.mark.parametrize(("skip_from", "seen"), [("last", 3), ("before-last", 2)])
def test_forecasts_see_the_details_of_that_frame(skip_from, seen):
    """With zero features, the decoder sees the context only through its skips."""
    model = model_of(skip_from=skip_from, normalisation="group").eval()
    torch.nn.init.zeros_(model.decoder.input[0].weight)
    context = torch.rand(1, 4, 1, 16, 16)
    forecast = model.predict(context, 2, 1, seeded_noise([0]))
    for frame in range(4):
        changed = context.clone()
        changed[:, frame] = torch.rand(1, 1, 16, 16)
        same = torch.equal(model.predict(changed, 2, 1, seeded_noise([0])), forecast)
        assert same == (frame != seen)


def test_only_the_posterior_sees_the_frame_itself():
    model = model_of(normalisation="group")
    video = torch.rand(1, 4, 1, 16, 16)
    changed = video.clone()
    changed[:, 3] = 0
    h, other = (model.encoder(v.transpose(0, 1))[0] for v in (video, changed))
    for network, equal in ((model.prior, h[:-1]), (model.posterior, h[1:-1])):
        given = other[: len(equal)] if network is model.prior else other[1:-1]
        torch.testing.assert_close(network(equal, (None,))[0].mean, network(given, (None,))[0].mean)
    assert not torch.equal(
        model.posterior(h[1:], (None,))[0].mean[-1], model.posterior(other[1:], (None,))[0].mean[-1]
    )


def test_clips_and_members_do_not_mix():
    """The source keeps batch norm in training mode at test, so that other clips matter."""
    model = model_of().double()
    model(torch.rand(4, 4, 1, 16, 16, dtype=torch.float64))  # for running statistics
    assert_rows_do_not_mix(model.eval(), torch.rand(3, 4, 1, 16, 16, dtype=torch.float64), 3)


def test_forecasts_leave_running_statistics_unchanged():
    model = model_of(normalisation="batch").eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.predict(torch.rand(2, 3, 1, 16, 16), 2, 2, seeded_noise([0, 1]))
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_one_context_frame_is_enough():
    model = model_of(training=TRAINING | {"context": 1}).eval()
    assert model.predict(torch.rand(1, 1, 1, 16, 16), 2, 1, seeded_noise([0])).shape[2] == 2


def test_running_statistics_are_saved(tmp_path):
    model = model_of()
    model(torch.rand(2, 4, 1, 16, 16))  # for running statistics
    model.eval()
    save(model, tmp_path / "p.safetensors", {})
    other = load(tmp_path / "p.safetensors", model.config)
    context = torch.rand(1, 3, 1, 16, 16)
    one, two = (m.predict(context, 2, 2, seeded_noise([3])) for m in (model, other))
    assert torch.equal(one, two)


def test_learns():
    losses = losses_after(60, model_of(normalisation="group"), rate=5e-3)
    assert losses[-1]["reconstruction"] < losses[0]["reconstruction"] / 4


def test_divergence_is_that_of_torch():
    first, second = (Gaussian(torch.randn(50), torch.randn(50)) for _ in range(2))
    normals = [
        torch.distributions.Normal(g.mean, (g.log_variance / 2).exp()) for g in (first, second)
    ]
    torch.testing.assert_close(
        first.divergence(second), torch.distributions.kl_divergence(*normals)
    )
    value = torch.randn(50)
    torch.testing.assert_close(first.log_density(value), normals[0].log_prob(value))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": {16: {"widths": [8, 8], "depths": [2]}}}, "1 for the 2 stages"),
        ({"networks": {16: {"widths": [8] * 5, "depths": [2] * 5}}}, "multiple of 32 pixels"),
        ({"networks": {32: {"widths": [8], "depths": [2]}}}, "no entry for images of 16"),
        (
            {"networks": {16: {"widths": [12], "depths": [2]}}, "normalisation": "group"},
            "divide 12",
        ),
        (
            {"skip_from": "before-last", "training": TRAINING | {"context": 1}},
            "two frames at least",
        ),
    ],
)
def test_refused_in_one_line(changes, message):
    values = config()
    values["models"] = {"svg-lp": VALUES | changes}
    values["run"]["models"] = ["svg-lp"]
    with pytest.raises(ConfigError, match=message) as caught:
        experiment_from_mapping(values)
    assert "\n" not in str(caught.value)


def test_before_last_needs_two_test_frames():
    values = config()
    values["models"] = {"svg-lp": VALUES | {"skip_from": "before-last"}}
    values["run"]["models"] = ["svg-lp"]
    values["evaluation"]["context"] = 1
    with pytest.raises(ConfigError, match="two frames at least"):
        experiment_from_mapping(values)
