import pytest
import torch

from rvd.diffusion.config import SamplerConfig
from rvd.models.noise import seeded_noise
from rvd.models.registry import build
from tests.tiny import SIZE, experiment


def model_of(name="rvd", channels=1, size=SIZE, **training):
    config = experiment().models[name]
    config = config.model_copy(
        update={
            "training": config.training.model_copy(update=training),
            "networks": {size: config.networks[SIZE]},
        }
    )
    torch.manual_seed(0)
    return build(config, size, channels)


def gradients(model, video):
    torch.manual_seed(1)
    model(video)["loss"].backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("name", ["rvd", "vd"])
def test_checkpointing_changes_no_gradient(name):
    video = torch.rand(2, 4, 1, SIZE, SIZE, dtype=torch.float64)
    plain = gradients(model_of(name).double(), video)
    checkpointed = gradients(model_of(name, gradient_checkpointing=True).double(), video)
    for key, value in plain.items():
        torch.testing.assert_close(checkpointed[key], value)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [16, 24, 32])
def test_any_size_that_divides(channels, size):
    model = model_of(channels=channels, size=size)
    video = torch.rand(1, 4, channels, size, size)
    losses = model(video)
    assert losses["loss"].shape == ()
    forecast = model.predict(video[:, :2], 3, 2, seeded_noise([0]))
    assert forecast.shape == (1, 2, 3, channels, size, size)
    assert forecast.min() >= 0
    assert forecast.max() <= 1


def test_a_frame_depends_on_the_frames_before_it_alone():
    """μ and the denoiser's context of a frame do not see it, or those after it."""
    model = model_of().double()
    video = torch.rand(1, 5, 1, SIZE, SIZE, dtype=torch.float64)
    changed = video.clone()
    changed[:, 3:] = 0
    frames = [(v * 2 - 1).transpose(0, 1) for v in (video, changed)]
    with torch.no_grad():
        one, other = (model._means(f[:-1], 2) for f in frames)
        contexts = [model.context_encoder(f[:-1], None) for f in frames]
    # Frames 2 and 3 are predicted from frames 0 to 2, which are equal; frame 4 is not.
    torch.testing.assert_close(one[:2], other[:2])
    assert not torch.allclose(one[2], other[2])
    for a, b in zip(*contexts, strict=True):
        torch.testing.assert_close(a[:3], b[:3])


def test_clips_and_members_do_not_mix():
    """A forecast does not depend on the other clips of the batch."""
    model = model_of().double()
    context = torch.rand(2, 3, 1, SIZE, SIZE, dtype=torch.float64)

    def noise(like):
        # The same noise for every row, so that rows differ by their clips alone.
        generator = torch.Generator().manual_seed(like.shape[1])
        return torch.randn(like.shape[1:], generator=generator, dtype=like.dtype).expand_as(like)

    with torch.no_grad():
        together = model.roll_out(context, 2, 2, noise)
        alone = model.roll_out(context[1:], 2, 1, noise)
    for both, one in zip(together, alone, strict=True):
        torch.testing.assert_close(both[2:3], one)
        torch.testing.assert_close(both[2:3], both[3:4])


def test_persistent_noise_is_that_of_the_first_frame():
    """With persistence 1 and no added noise, later frames have the noise of the first one."""
    model = model_of()
    context = torch.rand(1, 2, 1, SIZE, SIZE)
    sampler = SamplerConfig(method="ddim", steps=2, eta=0.0)
    kept = sampler.model_copy(update={"persistence": 1.0})
    with torch.no_grad():
        persistent = model.roll_out(context, 3, 2, seeded_noise([0]), kept)
        independent = model.roll_out(context, 3, 2, seeded_noise([0]), sampler)
        first = seeded_noise([0])(torch.zeros(2, 1, SIZE, SIZE))
        equal = model.roll_out(context, 3, 2, lambda like: first, sampler)
    torch.testing.assert_close(persistent, equal)
    torch.testing.assert_close(persistent[0], independent[0])
    assert not torch.allclose(persistent[1], independent[1])


@pytest.mark.parametrize(
    "sampler",
    [
        SamplerConfig(method="ancestral"),
        SamplerConfig(method="ddim", steps=3, eta=0.0),
        SamplerConfig(method="dpm-solver", steps=3),
    ],
    ids=lambda sampler: sampler.method,
)
def test_the_sampler_is_an_argument(sampler):
    """It has the effect of the config's, which stays as it is."""
    model = model_of()
    config = model.config.model_copy(update={"sampler": sampler})
    configured = build(config, SIZE, 1)
    configured.load_state_dict(model.state_dict())
    context = torch.rand(1, 2, 1, SIZE, SIZE)
    before = model.config.model_copy()
    given = model.predict(context, 2, 2, seeded_noise([0]), sampler)
    assert torch.equal(given, configured.predict(context, 2, 2, seeded_noise([0])))
    assert not torch.equal(given, model.predict(context, 2, 2, seeded_noise([0])))
    assert model.config == before


def test_vd_has_no_mean():
    model = model_of("vd")
    assert model.next_frame is None
    losses = model(torch.full((1, 4, 1, SIZE, SIZE), 0.75))
    assert losses["mean"] == pytest.approx(0.25)  # of frames 0.5 in [-1, 1] from zero


def test_each_frame_may_have_its_own_diffusion_step():
    """The loss of a clip is then the mean of the losses at each frame's step."""
    model = model_of().double()
    video = torch.rand(1, 4, 1, SIZE, SIZE, dtype=torch.float64)
    noise = torch.randn(1, 2, 1, SIZE, SIZE, dtype=torch.float64)
    seen = []
    hook = model.denoiser.register_forward_hook(lambda *call: seen.append(call[2]))
    for steps in ([[3, 7]], [3], [7]):
        model(video, diffusion_step=torch.tensor(steps), noise=noise)
    hook.remove()
    own, third, seventh = seen
    torch.testing.assert_close(own[0], third[0])
    torch.testing.assert_close(own[1], seventh[1])


@pytest.mark.parametrize("step_of", ["clip", "frame"])
def test_the_config_decides_which_frames_share_a_step(step_of):
    config = experiment().models["rvd"]
    objective = config.objective.model_copy(update={"step_of": step_of})
    model = build(config.model_copy(update={"objective": objective}), SIZE, 1)
    sampled = []
    embedding = model.denoiser.embedding
    embedding.register_forward_pre_hook(lambda _, steps: sampled.append(steps[0]))
    for seed in range(5):
        torch.manual_seed(seed)
        model(torch.rand(2, 4, 1, SIZE, SIZE))
    by_frame = torch.stack(sampled).unflatten(1, (2, 2))  # (pass, frame, clip)
    differ = bool((by_frame[:, 0] != by_frame[:, 1]).any())
    assert differ is (step_of == "frame")
