"""Samplers against an exact denoiser: that of a mixture of two Gaussians in one dimension."""

import diffusers
import pytest
import torch
from scipy.stats import wasserstein_distance

from rvd.diffusion.samplers import ancestral, ddim, dpm_solver, log_snr_steps, uniform_steps
from rvd.diffusion.schedule import cosine_schedule

MEANS, DEVIATION, WEIGHTS = torch.tensor([-1.0, 0.5]), 0.15, torch.tensor([0.3, 0.7])
SAMPLES = 4000


def exact_denoiser(schedule):
    """E[y₀ | y_n] of the mixture, in closed form."""

    def estimate(y, step):
        alpha_bar = schedule.alpha_bar[step[0]]
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


def distance_of(sample):
    expected = truth(torch.Generator().manual_seed(99))
    return wasserstein_distance(sample.numpy(), expected.numpy())


def test_ancestral_draws_the_distribution():
    schedule = cosine_schedule(400)
    draw = normal()
    sample = ancestral(
        exact_denoiser(schedule), draw(torch.empty(SAMPLES)), schedule, draw, clip=None
    )
    assert distance_of(sample) < 0.03


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_ddim_draws_the_distribution(eta):
    schedule = cosine_schedule(400)
    draw = normal()
    steps = uniform_steps(schedule, 100)
    sample = ddim(
        exact_denoiser(schedule),
        draw(torch.empty(SAMPLES)),
        schedule,
        draw,
        clip=None,
        steps=steps,
        eta=eta,
    )
    assert distance_of(sample) < 0.05


def test_dpm_solver_needs_few_steps():
    schedule = cosine_schedule(1600)
    prior = normal()(torch.empty(SAMPLES))
    steps = log_snr_steps(schedule, 25)
    assert len(steps) <= 25
    sample = dpm_solver(exact_denoiser(schedule), prior, schedule, clip=None, steps=steps)
    assert distance_of(sample) < 0.03


def test_dpm_solver_is_of_second_order():
    """Halving the steps' width divides the error of the last state by about four."""
    schedule = cosine_schedule(200_000)
    prior = normal()(torch.empty(200, dtype=torch.float64))
    # Far from both ends, where the denoiser is smooth.
    first, last = (int((schedule.log_snr() - x).abs().argmin()) for x in (-3.0, 1.0))

    def states(count):
        wanted = torch.linspace(
            float(schedule.log_snr()[first]), float(schedule.log_snr()[last]), count
        )
        steps = [int((schedule.log_snr() - x).abs().argmin()) for x in wanted]
        return dpm_solver(exact_denoiser(schedule), prior, schedule, clip=None, steps=steps)

    exact = states(1025)
    errors = [float((states(count) - exact).abs().mean()) for count in (33, 65)]
    assert 3 < errors[0] / errors[1] < 6


def test_dpm_solver_equals_diffusers():
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
        clean = denoiser(y, torch.full((50,), step))
        y = scheduler.step(clean, step, y).prev_sample
    ours = dpm_solver(denoiser, prior, schedule, clip=None, steps=steps)
    torch.testing.assert_close(ours, y, rtol=1e-4, atol=1e-4)


def test_printed_update_would_not():
    """Algorithm 1 as printed, 1/√ᾱ_n for 1/√α_n, diverges: the misprint is one."""
    schedule = cosine_schedule(400)
    draw, denoiser = normal(), exact_denoiser(schedule)
    y = draw(torch.empty(SAMPLES)).double()
    for step in reversed(range(400)):
        alpha_bar, beta = schedule.alpha_bar[step], schedule.beta[step]
        clean = denoiser(y, torch.full((SAMPLES,), step))
        noise = (y - alpha_bar.sqrt() * clean) / (1 - alpha_bar).sqrt()
        y = (y - beta / (1 - alpha_bar).sqrt() * noise) / alpha_bar.sqrt()
    assert not y.abs().max() < 1e6


def test_ddim_over_all_steps_with_eta_1_is_ancestral():
    schedule = cosine_schedule(50)
    prior = normal(1)(torch.empty(100, dtype=torch.float64))
    denoiser = exact_denoiser(schedule)
    every = list(reversed(range(50)))
    one = ddim(denoiser, prior, schedule, normal(2), clip=0.8, steps=every, eta=1.0)
    other = ancestral(denoiser, prior, schedule, normal(2), clip=0.8)
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_clip_bounds_the_result():
    schedule = cosine_schedule(20)
    draw = normal()
    sample = ancestral(exact_denoiser(schedule), draw(torch.empty(500)), schedule, draw, clip=0.4)
    assert sample.abs().max() <= 0.4


def test_uniform_steps():
    schedule = cosine_schedule(100)
    assert uniform_steps(schedule, 100) == list(range(99, -1, -1))
    assert uniform_steps(schedule, 500) == list(range(99, -1, -1))
    assert uniform_steps(schedule, 10) == [99, 88, 77, 66, 55, 44, 33, 22, 11, 0]
    assert uniform_steps(schedule, 1) == [99]
    start = uniform_steps(schedule, 10, start_log_snr=-1.5)[0]
    assert schedule.log_snr()[start] >= -1.5 > schedule.log_snr()[start + 1]
