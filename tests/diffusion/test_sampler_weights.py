"""A sampler's weights are numbers, equal to the last bit to those computed as tensors."""

from itertools import pairwise

import pytest
import torch

from rvd.diffusion.schedule import cosine_schedule
from rvd.diffusion.steps import every_step, log_snr_steps, uniform_steps
from rvd.diffusion.weights import ancestral_weights, ddim_weights, dpm_solver_weights

SCHEDULE = cosine_schedule(1600)
BETA, ALPHA_BAR = SCHEDULE.beta, SCHEDULE.alpha_bar


def ancestral_tensors(step, following):
    earlier, remaining = ALPHA_BAR[following], 1 - ALPHA_BAR[step]
    yield earlier.sqrt() * BETA[step] / remaining
    yield (1 - BETA[step]).sqrt() * (1 - earlier) / remaining
    yield (BETA[step] * (1 - earlier) / remaining).sqrt()


def ddim_tensors(step, following, eta):
    now, then = ALPHA_BAR[step], ALPHA_BAR[following]
    deviation = eta * ((1 - then) / (1 - now) * (1 - now / then)).sqrt()
    yield from (now.sqrt(), (1 - now).sqrt(), then.sqrt())
    yield (1 - then - deviation**2).clamp(min=0).sqrt()
    yield deviation


def dpm_solver_tensors(before, step, following):
    half_log_snr = SCHEDULE.log_snr() / 2
    now, then = ALPHA_BAR[step], ALPHA_BAR[following]
    width = half_log_snr[following] - half_log_snr[step]
    yield ((1 - then) / (1 - now)).sqrt()
    yield -then.sqrt() * torch.expm1(-width)
    if before is not None:
        yield 2 * (half_log_snr[step] - half_log_snr[before]) / width


def assert_equal(tensors, numbers):
    """Assert equality in float64, and of products in float32."""
    image = torch.randn(50, generator=torch.Generator().manual_seed(0))
    for tensor, number in zip(tensors, numbers, strict=False):
        assert float(tensor) == number
        assert torch.equal(tensor.to(image.dtype) * image, number * image)
        assert torch.equal(image / tensor.to(image.dtype), image / number)


def test_ancestral_sampling():
    steps = every_step(SCHEDULE, 0)
    for pair, weights in zip(
        pairwise(steps), ancestral_weights(SCHEDULE, tuple(steps)), strict=True
    ):
        assert_equal(ancestral_tensors(*pair), weights)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim(eta):
    steps = uniform_steps(SCHEDULE, 200)
    for pair, weights in zip(
        pairwise(steps), ddim_weights(SCHEDULE, tuple(steps), eta), strict=True
    ):
        assert_equal(ddim_tensors(*pair, eta), weights)


def test_dpm_solver():
    steps = log_snr_steps(SCHEDULE, 50)
    triples = zip([None, *steps], pairwise(steps), strict=False)
    for (before, pair), weights in zip(
        triples, dpm_solver_weights(SCHEDULE, tuple(steps)), strict=True
    ):
        assert_equal(dpm_solver_tensors(before, *pair), weights)


def test_one_step_of_all_samples_is_a_number():
    image = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    for step in (0, 700, 1599):
        of_rows = torch.full((3,), step)
        for value in (SCHEDULE.signal, SCHEDULE.noise):
            assert torch.equal(value(step, image) * image, value(of_rows, image) * image)
            assert torch.equal(image / value(step, image), image / value(of_rows, image))
