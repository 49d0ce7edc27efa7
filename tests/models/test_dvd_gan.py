import pytest
import torch
from torch.nn.utils import parametrize

from rvd.models.dvd_gan.critics import SelfAttention, SpatialCritic
from rvd.models.dvd_gan.generator import Generator, GeneratorBlock
from rvd.models.files import parameters
from rvd.models.layers.spectral import ConditionalBatchNorm
from tests.models.assertions import assert_bfloat16_is_near, assert_resumes
from tests.models.tiny_models import TINY, built, section

VALUES, SIZE = TINY["dvd-gan"].values, TINY["dvd-gan"].size
TWO_CRITIC_STEPS = {"generator": {"every": 2}, "critics": {"rate": 2.0}}


def tiny(size=SIZE, **training):
    return section(VALUES, size, **training)


def test_parameters_of_the_generator():
    """137 M in the third-party code, with class embeddings and two kernels of 5 more."""
    config = section({"kind": "dvd-gan"}, 64)
    with torch.device("meta"):
        generator = Generator(
            channels=3,
            known=4,
            latent=config.latent,
            widths=config.widths(64),
            encoder_widths=config.critic_widths(64),
            multipliers=config.recurrent_multipliers,
            kernels=config.recurrent_kernels,
        )
    context = parameters(generator.encoder) + sum(parameters(s.states) for s in generator.scales)
    assert parameters(generator) - context == pytest.approx(132.9e6, rel=0.002)


def test_widths_by_size():
    config = section({"kind": "dvd-gan"}, 64)
    assert config.widths(32) == [256, 256, 128, 64]
    assert config.widths(64) == [256, 256, 256, 128, 64]
    assert config.widths(128) == [256, 256, 256, 256, 128, 64]
    assert config.critic_widths(32) == [64, 128, 256]
    assert config.critic_widths(128) == [64, 128, 256, 512, 512]


def test_losses_of_each_player():
    model = built(tiny(), SIZE)
    video = torch.rand(1, 8, 1, SIZE, SIZE)
    generator, critics = (model(video, player) for player in ("generator", "critics"))
    assert {"spatial", "temporal", "diversity", "spread"} < generator.keys()
    assert critics.keys() == {"loss", "spatial", "temporal"}


def test_noise_and_context_of_a_clip_meet():
    """Rows are in frame-major order inside, and each has its clip's noise and context."""
    generator = built(tiny(), SIZE).double().eval().generator
    context = torch.rand(3, 4, 1, SIZE, SIZE, dtype=torch.float64)
    noise = torch.randn(3, 4, dtype=torch.float64)
    together = generator(context, noise, 4)
    for row in range(3):
        alone = generator(context[row : row + 1], noise[row : row + 1], 4)
        torch.testing.assert_close(together[row : row + 1], alone)
    swapped = generator(context, noise.flip(0), 4)
    assert not torch.allclose(swapped[0], together[0])


def test_every_known_frame_counts():
    generator = built(tiny(), SIZE).eval().generator
    context, noise = torch.rand(1, 4, 1, SIZE, SIZE), torch.randn(1, 4)
    forecast = generator(context, noise, 4)
    for frame in range(4):
        changed = context.clone()
        changed[:, frame] = 0
        assert not torch.allclose(generator(changed, noise, 4), forecast)
    assert not torch.allclose(forecast[:, 0], forecast[:, 3])


class TestConditionalBatchNorm:
    def test_moments_in_training(self):
        norm = ConditionalBatchNorm(3, 2)
        x = torch.randn(4, 3, 5, 5) * 3 + 1
        y = norm(x, torch.zeros(4, 2))
        torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
        torch.testing.assert_close(y.var((0, 2, 3), correction=0), torch.ones(3), atol=1e-3, rtol=0)

    def test_forecasts_take_running_moments(self):
        norm = ConditionalBatchNorm(3, 2)
        x, condition = torch.randn(4, 3, 5, 5) + 5, torch.randn(4, 2)
        for _ in range(200):
            norm(x, condition)
        trained = norm(x, condition)
        norm.eval()
        torch.testing.assert_close(norm(x, condition), trained, atol=1e-4, rtol=0)
        torch.testing.assert_close(norm(x, condition)[:1], norm(x[:1], condition[:1]))

    def test_gain_and_offset_are_each_rows_own(self):
        norm = ConditionalBatchNorm(1, 2).eval()
        with torch.no_grad():
            norm.gain.weight.copy_(torch.tensor([[1.0, 0.0]]))
            norm.offset.weight.copy_(torch.tensor([[0.0, 1.0]]))
        y = norm(torch.ones(2, 1, 1, 1), torch.tensor([[2.0, 0.0], [0.0, 7.0]]))
        torch.testing.assert_close(y.flatten(), torch.tensor([3.0, 8.0]), atol=1e-3, rtol=0)


def test_blocks_upsample_the_skip_connection():
    block = GeneratorBlock(2, 3, 4, upsample=True)
    torch.nn.init.zeros_(block.second.weight)
    torch.nn.init.zeros_(block.second.bias)
    x = torch.randn(1, 2, 4, 4)
    plain = block.shortcut(torch.nn.functional.interpolate(x, scale_factor=2))
    torch.testing.assert_close(block(x, torch.zeros(1, 4)), plain)


def test_attention_starts_at_zero_and_sees_all_positions():
    attention = SelfAttention(8)
    x = torch.randn(1, 8, 4, 4, requires_grad=True)
    assert torch.equal(attention(x), x)
    torch.nn.init.ones_(attention.weight)
    attention(x)[0, :, 0, 0].sum().backward()
    assert (x.grad.abs().sum((0, 1)) > 0).sum() > 4  # maxima over 2×2 positions, and its own


def test_the_spatial_critic_adds_its_frames():
    critic = SpatialCritic(1, [2, 4, 4]).double()
    frames = torch.rand(2, 4, 1, SIZE, SIZE, dtype=torch.float64)
    torch.testing.assert_close(critic(frames), sum(critic(frames[:, k : k + 1]) for k in range(4)))


def test_weights_have_a_spectral_norm_of_one():
    model = built(tiny(), SIZE)
    with torch.no_grad():
        for layer in model.critics["spatial"].modules():
            if parametrize.is_parametrized(layer, "weight"):
                layer.parametrizations.weight.original.mul_(3)
    for _ in range(5):
        model(torch.rand(2, 8, 1, SIZE, SIZE), "critics")
    model.eval()
    layers = [m for m in model.modules() if parametrize.is_parametrized(m, "weight")]
    convolutions = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert set(convolutions) <= set(layers)
    for layer in layers:
        norm = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
        assert float(norm) == pytest.approx(1, abs=0.1)


def test_frames_for_the_spatial_critic_are_random_without_repeats():
    model = built(section(VALUES | {"judged_frames": 2}, SIZE), SIZE)
    frames = torch.zeros(50, 4, 1, SIZE, SIZE)
    chosen = model._random_frames(frames)[:, :, 0, 0, 0]
    assert chosen.shape == (50, 2)
    assert (chosen[:, 0] != chosen[:, 1]).all()
    assert set(chosen.flatten().tolist()) == {0, 1, 2, 3}


def test_the_spread_leaves_running_moments_unchanged():
    model = built(tiny(), SIZE)
    before = model.generator.scales[0].refining.norms[0].mean.clone()
    assert model._spread(torch.rand(1, 4, 1, SIZE, SIZE)) > 0
    assert torch.equal(model.generator.scales[0].refining.norms[0].mean, before)
    assert model.generator.training


def test_resumed_among_several_critic_steps(tmp_path, monkeypatch):
    average = {"decay": 0.5, "every": 2}
    config = tiny(steps=4, players=TWO_CRITIC_STEPS, average=average, weights="average")
    first, second, *_ = assert_resumes(config, SIZE, tmp_path, monkeypatch, at=3)
    assert {"critics_loss", "generator_spread", "generator_diversity"} <= first.keys()
    assert [bool(row["generator_loss"]) for row in (first, second)] == [False, True]


def test_bfloat16_is_near_float32():
    assert_bfloat16_is_near(built(tiny(), SIZE), torch.rand(2, 8, 1, SIZE, SIZE))


@pytest.mark.parametrize("size", [16, 48])
def test_sizes_that_it_cannot_take_are_refused(size):
    assert "32, 64, 128" in tiny().why_not_size(size)


@pytest.mark.parametrize(
    ("values", "training", "message"),
    [
        ({}, {"future": 3, "context": 5}, "cannot choose 4 of 3"),
        ({}, {"future": 5}, "multiple of 4"),
        ({"recurrent_kernels": [3]}, {}, "one for each"),
        ({"recurrent_kernels": [3, 4, 3]}, {}, "odd"),
    ],
)
def test_impossible_configs_are_refused(values, training, message):
    with pytest.raises(ValueError, match=message):
        section(VALUES | values, SIZE, **training)


def test_too_little_context_is_refused():
    assert "sees 4 frames, not 2" in tiny().why_not_context(2)
    assert tiny().why_not_context(4) is None
