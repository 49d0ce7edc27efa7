"""Samplers with an exact denoiser, that of a mixture of two Gaussians in one dimension."""

from typing import get_args

import pytest
import torch
from scipy.stats import wasserstein_distance

from rvd.diffusion.config import SamplerConfig
from rvd.diffusion.samplers import (
    SAMPLERS,
    SamplingMethod,
    ancestral,
    clipped,
    ddim,
    dpm_solver,
    sample,
)
from rvd.diffusion.schedule import cosine_schedule
from rvd.diffusion.steps import every_step, uniform_steps

MEANS, DEVIATION, WEIGHTS = torch.tensor([-1.0, 0.5]), 0.15, torch.tensor([0.3, 0.7])
SAMPLES = 4000


def exact_denoiser(schedule):
    """Return E[y₀ | y_n] of the mixture, in closed form."""

    def estimate(y, step):
        alpha_bar = schedule.alpha_bar[step]
        signal, variance = alpha_bar.sqrt(), 1 - alpha_bar
        marginal = alpha_bar * DEVIATION**2 + variance
        distance = y[:, None].double() - signal * MEANS
        weight = torch.softmax(WEIGHTS.log() - distance**2 / (2 * marginal), 1)
        mean = MEANS + signal * DEVIATION**2 / marginal * distance
        return (weight * mean).sum(1).to(y.dtype)

    return estimate


def truth(generator):
    component = torch.multinomial(WEIGHTS, SAMPLES, replacement=True, generator=generator)
    return MEANS[component] + DEVIATION * torch.randn(SAMPLES, generator=generator)


def normal(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return lambda like: torch.randn(like.shape, generator=generator, dtype=like.dtype)


def no_noise(like):
    raise AssertionError("a deterministic sampler asked for noise")


def distance_of(sampled):
    expected = truth(torch.Generator().manual_seed(99))
    return wasserstein_distance(sampled.numpy(), expected.numpy())


@pytest.mark.parametrize(
    ("config", "steps", "bound"),
    [
        (SamplerConfig(method="ancestral", clip=None), 400, 0.03),
        (SamplerConfig(method="ddim", steps=100, eta=0.0, clip=None), 400, 0.05),
        (SamplerConfig(method="ddim", steps=100, eta=1.0, clip=None), 400, 0.05),
        (SamplerConfig(method="dpm-solver", steps=25, clip=None), 1600, 0.03),
    ],
    ids=["ancestral", "ddim, eta 0", "ddim, eta 1", "dpm-solver"],
)
def test_samples_follow_the_distribution(config, steps, bound):
    schedule, noise = cosine_schedule(steps), normal()
    prior = noise(torch.empty(SAMPLES))
    assert distance_of(sample(config, exact_denoiser(schedule), prior, schedule, noise)) < bound


def test_dpm_solver_is_of_second_order():
    """Halving the steps' width divides the error of the last state by about four."""
    schedule = cosine_schedule(200_000)
    levels = schedule.log_snr()
    prior = normal()(torch.empty(200, dtype=torch.float64))
    # Far from both ends, where the denoiser is smooth.
    first, last = (int((levels - x).abs().argmin()) for x in (-3.0, 1.0))

    def states(count):
        wanted = torch.linspace(float(levels[first]), float(levels[last]), count)
        steps = [int((levels - x).abs().argmin()) for x in wanted]
        return dpm_solver(exact_denoiser(schedule), prior, schedule, steps, no_noise)

    exact = states(1025)
    errors = [float((states(count) - exact).abs().mean()) for count in (33, 65)]
    assert 3 < errors[0] / errors[1] < 6


def test_dpm_solver_equals_diffusers():
    import diffusers  # takes seconds

    scheduler = diffusers.DPMSolverMultistepScheduler(
        num_train_timesteps=100,
        trained_betas=cosine_schedule(100).beta.numpy(),
        prediction_type="sample",
        final_sigmas_type="zero",
    )
    schedule, steps = cosine_schedule(100), [95, 80, 60, 40, 20, 5]
    prior, denoiser = normal()(torch.empty(50, dtype=torch.float64)), exact_denoiser(schedule)
    scheduler.set_timesteps(timesteps=steps)
    y = prior
    for step in steps:
        clean = denoiser(y, step)
        y = scheduler.step(clean, step, y).prev_sample
    ours = dpm_solver(denoiser, prior, schedule, steps, no_noise)
    torch.testing.assert_close(ours, y, rtol=1e-4, atol=1e-4)


def test_the_printed_update_diverges():
    """Algorithm 1 as printed, with 1/√ᾱ_n for 1/√α_n, diverges: it is a misprint."""
    schedule = cosine_schedule(400)
    noise_source, denoiser = normal(), exact_denoiser(schedule)
    y = noise_source(torch.empty(SAMPLES)).double()
    for step in reversed(range(400)):
        alpha_bar, beta = schedule.alpha_bar[step], schedule.beta[step]
        clean = denoiser(y, step)
        noise = (y - alpha_bar.sqrt() * clean) / (1 - alpha_bar).sqrt()
        y = (y - beta / (1 - alpha_bar).sqrt() * noise) / alpha_bar.sqrt()
    assert not y.abs().max() < 1e6


def test_ddim_over_all_steps_with_eta_1_is_ancestral():
    schedule = cosine_schedule(50)
    prior = normal(1)(torch.empty(100, dtype=torch.float64))
    estimate, steps = clipped(exact_denoiser(schedule), 0.8), every_step(schedule, 50)
    one = ddim(estimate, prior, schedule, steps, normal(2), eta=1.0)
    other = ancestral(estimate, prior, schedule, steps, normal(2))
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_ancestral_refuses_to_skip_steps():
    schedule = cosine_schedule(20)
    prior = torch.zeros(1)
    with pytest.raises(ValueError, match="every step"):
        ancestral(exact_denoiser(schedule), prior, schedule, uniform_steps(schedule, 5), normal())


@pytest.mark.parametrize("method", SAMPLERS)
def test_clip_bounds_the_result(method):
    schedule, noise = cosine_schedule(20), normal()
    config = SamplerConfig(method=method, steps=None if method == "ancestral" else 5, clip=0.4)
    prior = noise(torch.empty(500))
    assert sample(config, exact_denoiser(schedule), prior, schedule, noise).abs().max() <= 0.4


def test_the_config_lists_these():
    assert set(get_args(SamplerConfig.model_fields["method"].annotation)) == set(SAMPLERS)


def test_a_sampler_is_added_by_a_function_and_an_entry(monkeypatch):
    """Euler steps of the probability flow, y' = √ᾱ'·y₀ + √(1−ᾱ')·ε: DDIM without noise."""

    def euler(estimate, prior, schedule, steps, noise, eta=1.0):
        y = prior
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            clean = estimate(y, step)
            if following is None:
                return clean
            now, then = schedule.alpha_bar[step], schedule.alpha_bar[following]
            implied_noise = (y - now.sqrt() * clean) / (1 - now).sqrt()
            y = then.sqrt() * clean + (1 - then).sqrt() * implied_noise
        raise AssertionError("unreachable")

    monkeypatch.setitem(SAMPLERS, "euler", SamplingMethod(euler, uniform_steps))
    schedule = cosine_schedule(50)
    prior = normal()(torch.empty(100, dtype=torch.float64))
    like = SamplerConfig(method="ddim", steps=7, eta=0.0, clip=1.0)
    config = like.model_copy(update={"method": "euler"})
    one, other = (
        sample(c, exact_denoiser(schedule), prior, schedule, no_noise) for c in (config, like)
    )
    torch.testing.assert_close(one, other)
