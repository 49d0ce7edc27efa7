from dataclasses import replace

import pytest
import torch
from torch import nn

from rvd.config.trained import Stage
from rvd.models.adversarial import gradient_penalty
from rvd.models.files import load, parameters, save
from rvd.models.future_gan.equalised import EqualisedConv, EqualisedTransposedConv, PixelNorm
from rvd.models.future_gan.model import faded
from rvd.models.future_gan.networks import downsampled, upsampled
from rvd.models.noise import seeded_noise
from rvd.training import train
from tests.models.assertions import assert_bfloat16_is_near, assert_resumes
from tests.models.tiny_models import built, section
from tests.tiny import task_in, write_squares

SIZE = 16
PUBLISHED = {4: 512, 8: 512, 16: 512, 32: 512, 64: 256, 128: 128}


def levels(*resolutions, width=4):
    return {
        resolution: {"width": width, "batch": 2, "fading": 2, "stable": 3}
        for resolution in resolutions
    }


def tiny(size=SIZE, width=4, **training):
    resolutions = [4 << index for index in range((size // 4).bit_length())]
    values = {"kind": "future-gan", "levels": levels(*resolutions, width=width)}
    return section(values, size, **{"steps": 40} | training)


@pytest.mark.parametrize(("size", "generator", "critic"), [(64, 69.6e6, 67.3e6), (128, 7e7, 7e7)])
def test_parameters_are_about_those_of_the_source(size, generator, critic):
    described = {
        r: {"width": w, "batch": 1, "fading": 1, "stable": 1} for r, w in PUBLISHED.items()
    }
    config = section({"kind": "future-gan", "levels": described}, size, steps=40)
    with torch.device("meta"):
        model = built(config, size, 3)
    assert parameters(model.generator) == pytest.approx(generator, rel=0.02)
    assert parameters(model.critics) == pytest.approx(critic, rel=0.035)


def test_growth_follows_from_the_step():
    config = tiny(batch={SIZE: 7})
    grown = [config.growth(step, SIZE)[:2] for step in range(11)]
    expected = [(4, 1)] * 3 + [(8, 0.5)] + [(8, 1)] * 4 + [(16, 0.5)] + [(16, 1)] * 2
    assert grown == expected
    stages = [config.stage(step, SIZE) for step in (0, 2, 3, 4, 8, 9)]
    assert stages == [
        Stage(2),
        Stage(2),
        Stage(2, 0.87, fresh=True),
        Stage(2, 0.87),
        Stage(7, 0.87**2, fresh=True),
        Stage(7, 0.87**2),
    ]


def test_losses_of_each_player():
    model = built(tiny(), SIZE)
    video = torch.rand(1, 8, 1, SIZE, SIZE)
    generator, critic = (model(video, player) for player in ("generator", "critics"))
    assert {"reconstruction", "diversity", "resolution", "alpha"} < generator.keys()
    assert critic.keys() == {"loss", "wasserstein", "gradient_penalty", "drift"}


def test_a_new_level_is_blended_in_from_none_to_all():
    model = built(tiny(), SIZE).double()
    clip = torch.rand(2, 1, 8, SIZE, SIZE, dtype=torch.float64)
    past = clip[:, :, :4]
    before = upsampled(model.generator(downsampled(past), 1.0))
    torch.testing.assert_close(model.generator(past, 0.0), before)
    torch.testing.assert_close(model.critics(clip, 0.0), model.critics(downsampled(clip), 1.0))
    whole = [model.generator(past, 1.0), model.critics(clip, 1.0)]
    nearly = [model.generator(past, 1 - 1e-9), model.critics(clip, 1 - 1e-9)]
    torch.testing.assert_close(nearly, whole, atol=1e-6, rtol=0)
    assert not torch.allclose(model.generator(past, 0.5), before)
    assert not torch.allclose(model.generator(past, 0.5), whole[0])


def test_fading_in_trains_old_and_new_levels():
    model = built(tiny(), SIZE)
    model.begin_step(3)  # 8 pixels, blended in by half
    model(torch.rand(2, 8, 1, SIZE, SIZE))["loss"].backward()
    layers = model.generator.to_frame
    grew = [layers[key].weight.grad is not None for key in ("4", "8", "16")]
    assert grew == [True, True, False]
    assert all(layers[key].weight.grad.abs().sum() > 0 for key in ("4", "8"))


def test_real_clips_fade_in_as_fake_ones():
    clip = torch.rand(1, 1, 2, SIZE, SIZE)
    small = downsampled(clip)
    torch.testing.assert_close(faded(clip, 8, 1.0), small)
    torch.testing.assert_close(faded(clip, 8, 0.0), upsampled(downsampled(small)))
    half = faded(clip, 8, 0.5)
    torch.testing.assert_close(half, (small + upsampled(downsampled(small))) / 2)
    torch.testing.assert_close(half.mean(), clip.mean())


def test_the_critic_compares_the_clips_of_a_batch():
    critic = built(tiny(), SIZE).critics
    clip, other = torch.rand(2, 1, 1, 8, SIZE, SIZE)
    alike = critic(torch.cat([clip, clip]), 1.0)
    assert not torch.allclose(alike, critic(torch.cat([clip, other]), 1.0)[:1].expand(2))
    torch.testing.assert_close(alike[:1], critic(clip, 1.0))


def test_every_known_frame_counts():
    model = built(tiny(), SIZE)
    past = torch.rand(1, 1, 4, SIZE, SIZE)
    forecast = model.generator(past, 1.0)
    for frame in range(4):
        changed = past.clone()
        changed[:, :, frame] = 0
        assert not torch.allclose(model.generator(changed, 1.0), forecast)
    assert not torch.allclose(forecast[:, :, 0], forecast[:, :, 3])


class TestEqualised:
    def test_layers_keep_the_scale(self):
        """With weights of He's scale an input of mean square 1 has an output of mean square 2."""
        torch.manual_seed(0)
        x = torch.randn(2, 64, 1, 16, 16)
        convolution = EqualisedConv(64, 64, 3, padding=1)
        inner = convolution(x.expand(-1, -1, 3, -1, -1))[:, :, 1, 1:-1, 1:-1]
        assert float(inner.detach().square().mean()) == pytest.approx(2, rel=0.1)
        for kernel in ((1, 2, 2), (4, 1, 1)):
            y = EqualisedTransposedConv(64, 64, kernel)(x)
            assert float(y.detach().square().mean()) == pytest.approx(2, rel=0.1)

    def test_weights_start_standard_normal(self):
        weight = EqualisedConv(64, 64, 3).weight
        assert float(weight.detach().std()) == pytest.approx(1, rel=0.02)

    def test_pixel_norm(self):
        y = PixelNorm()(torch.randn(2, 8, 3, 4, 4) * 7)
        torch.testing.assert_close(y.square().mean(1), torch.ones(2, 3, 4, 4))


class TestGradientPenalty:
    def test_of_a_linear_critic(self):
        """Its slope is its weights: the penalty is (‖w‖ − 1)², its derivative 2(‖w‖ − 1)·w/‖w‖."""
        critic = nn.Linear(4, 1, bias=False).double()
        with torch.no_grad():
            critic.weight.copy_(torch.tensor([[3.0, 0.0, 4.0, 0.0]]))
        penalty = gradient_penalty(lambda x: critic(x.flatten(1)), torch.rand(3, 2, 2).double())
        penalty.backward()
        assert float(penalty.detach()) == pytest.approx(16)
        expected = torch.tensor([[3.0, 0.0, 4.0, 0.0]]).double() * 8 / 5
        torch.testing.assert_close(critic.weight.grad, expected)

    def test_reaches_every_weight_of_the_critic(self):
        model = built(tiny(), SIZE)
        points = torch.rand(2, 1, 8, SIZE, SIZE)
        gradient_penalty(lambda x: model.critics(x, 1.0), points).backward()
        kernels = [p for n, p in model.critics.named_parameters() if n.endswith("weight")]
        used = [p for p in kernels if p.grad is not None]
        assert len(used) == len(kernels) - 2  # not those that read frames of 4 and of 8 pixels
        assert all(p.grad.abs().sum() > 0 for p in used)


@pytest.mark.parametrize("step", [1, 3, 30])
def test_a_predictor_saved_during_training_keeps_its_growth(tmp_path, step):
    model = built(tiny(), SIZE).eval()
    model.begin_step(step)
    save(model, tmp_path / "p.safetensors", {})
    loaded = load(tmp_path / "p.safetensors")
    context = torch.rand(1, 4, 1, SIZE, SIZE)
    forecasts = [m.predict(context, 2, 1, seeded_noise([0])) for m in (model, loaded)]
    assert torch.equal(*forecasts)
    assert not hasattr(loaded, "critics")
    factor = SIZE // model.config.growth(step, SIZE).resolution
    small = forecasts[0][..., ::factor, ::factor]
    assert torch.equal(
        small.repeat_interleave(factor, -1).repeat_interleave(factor, -2), forecasts[0]
    )


@pytest.mark.parametrize("at", [3, 9])  # as 8 pixels come, while 16 fade in
def test_resumed_across_growth_equals_uninterrupted_bit_for_bit(tmp_path, monkeypatch, at):
    config = tiny(steps=10, checkpoint_every=1)
    rows = assert_resumes(config, SIZE, tmp_path, monkeypatch, at)
    resolutions = [float(row["generator_resolution"]) for row in rows]
    assert resolutions == [4] * 3 + [8] * 5 + [16] * 2
    assert {"critics_loss", "critics_gradient_penalty", "generator_diversity"} <= rows[0].keys()


def test_optimisers_restart_at_each_growth(tmp_path):
    task = task_in(tmp_path, write_squares(tmp_path / "v.h5"))
    counted = {}
    for steps in (3, 4):  # 8 pixels come after three
        torch.manual_seed(0)
        config = tiny(steps=steps)
        folder = tmp_path / str(steps)
        train(built(config, SIZE), config.training, replace(task, checkpoints=folder))
        saved = torch.load(folder / f"step-{steps:08d}.pt", weights_only=True)["state"]
        states = saved["optimisers"]["generator"]["state"]
        counted[steps] = {int(state["step"]) for state in states.values()}
    assert counted == {3: {3}, 4: {1}}


def test_bfloat16_is_near_float32():
    # With few channels, some positions are near zero in all, where pixel norms have steep slopes.
    assert_bfloat16_is_near(built(tiny(width=16), SIZE), torch.rand(2, 8, 1, SIZE, SIZE))


@pytest.mark.parametrize(
    ("size", "steps", "message"),
    [
        (4, 40, "grows to 8, 16 pixels, not 4"),
        (32, 40, "grows to 8, 16 pixels, not 32"),
        (16, 8, "grown to 8 of 16 pixels"),
        (16, 9, "blended in by 0.5"),
    ],
)
def test_sizes_outside_its_growth_are_refused(size, steps, message):
    assert message in tiny(SIZE, steps=steps).why_not_size(size)
    assert tiny(SIZE, steps=10).why_not_size(SIZE) is None


@pytest.mark.parametrize("resolutions", [[4], [8, 16], [4, 16], [4, 8, 12]])
def test_levels_that_do_not_double_are_refused(resolutions):
    with pytest.raises(ValueError, match="each twice the one before"):
        section({"kind": "future-gan", "levels": levels(*resolutions)}, SIZE)


def test_too_little_context_is_refused():
    assert "sees 4 frames, not 3" in tiny().why_not_context(3)
    assert tiny().why_not_context(4) is None
