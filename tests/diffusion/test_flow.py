"""Flow matching against a Gaussian target, whose velocity is known in closed form."""

import pytest
import torch
from pydantic import ValidationError

from rvd.diffusion.config import ObjectiveConfig, SamplerConfig
from rvd.diffusion.objective import diffusion_loss, random_steps
from rvd.diffusion.samplers import ancestral, ddim, dpm_solver, euler, heun, sample
from rvd.diffusion.schedule import cosine_schedule, straight_schedule
from rvd.diffusion.steps import flow_steps
from rvd.models.rvd.config import RvdConfig
from tests.models.tiny_models import TINY

MEAN, DEVIATION = 0.7, 0.3
SCHEDULE = straight_schedule(840)  # a multiple of 1 … 8
FLOW = ObjectiveConfig(sigma=1.0, target="flow")


def exact(y, step):
    """E[y₀ | y_t] for y₀ ~ N(MEAN, DEVIATION²)."""
    signal, noise = SCHEDULE.signal_numbers[step], SCHEDULE.noise_numbers[step]
    gain = signal * DEVIATION**2 / (signal**2 * DEVIATION**2 + noise**2)
    return MEAN + gain * (y - signal * MEAN)


def exact_velocity(y, step):
    """E[ε − y₀ | y_t], what a network learns."""
    time = SCHEDULE.noise(step, y)
    signal = 1 - time
    variance = signal**2 * DEVIATION**2 + time**2
    deviation = y - signal * MEAN
    return time / variance * deviation - (MEAN + signal * DEVIATION**2 / variance * deviation)


def no_noise(like):
    raise AssertionError("a flow takes no further noise")


def error(sampler, steps):
    """The largest distance to the exact end, MEAN + DEVIATION·prior, of the flow."""
    prior = torch.linspace(-3, 3, 61, dtype=torch.float64)
    found = sampler(exact, prior, SCHEDULE, flow_steps(SCHEDULE, steps), no_noise)
    return float((found - (MEAN + DEVIATION * prior)).abs().max())


def test_one_step_gives_the_mean():
    prior = torch.randn(5, dtype=torch.float64)
    for sampler in (euler, heun):
        found = sampler(exact, prior, SCHEDULE, flow_steps(SCHEDULE, 1), no_noise)
        torch.testing.assert_close(found, torch.full_like(found, MEAN))


@pytest.mark.parametrize(("sampler", "order"), [(euler, 1), (heun, 2)])
def test_the_order_of_convergence(sampler, order):
    """Twice as many steps divide the error by 2^order."""
    assert error(sampler, 105) / error(sampler, 210) == pytest.approx(2**order, rel=0.15)
    assert error(heun, 8) < error(euler, 8)


def test_the_evaluations_are_as_many_as_stated():
    config = RvdConfig.model_validate(
        TINY["rvd"].section().model_dump(mode="json")
        | {"objective": FLOW.model_dump(), "sampler": {"method": "heun", "steps": 4}}
    )
    for candidate in (SamplerConfig(method="euler", steps=4), config.sampler):
        calls = []

        def count(y, step, calls=calls):
            calls.append(step)
            return exact(y, step)

        sample(candidate, count, torch.randn(3).double(), SCHEDULE, no_noise)
        assert len(calls) == config.evaluations(candidate)


def test_the_exact_velocity_has_the_least_loss():
    torch.manual_seed(0)
    clean = MEAN + DEVIATION * torch.randn(200_000, dtype=torch.float64)
    noise = torch.randn_like(clean)
    step = random_steps(FLOW, len(SCHEDULE), clean.shape, clean.device)

    def loss(factor):
        def velocity(y, n):
            return factor * exact_velocity(y, n)

        return float(diffusion_loss(velocity, clean, noise, step, SCHEDULE, FLOW))

    assert loss(1.0) < min(loss(0.95), loss(1.05))


def test_logit_normal_steps_are_most_often_in_the_middle():
    torch.manual_seed(0)
    config = FLOW.model_copy(update={"steps_from": "logit-normal"})
    steps = random_steps(config, 100, (20_000,), torch.device("cpu"))
    assert 0 <= int(steps.min()) <= int(steps.max()) <= 99
    counts = torch.bincount(steps, minlength=100)
    assert counts[40:60].sum() > 3 * counts[:20].sum()
    assert float((steps < 50).double().mean()) == pytest.approx(0.5, abs=0.02)


def test_steps_are_even_in_time():
    assert flow_steps(SCHEDULE, 4) == [839, 629, 419, 209]
    assert flow_steps(straight_schedule(2), 8) == [1, 0]


@pytest.mark.parametrize("sampler", [ancestral, ddim, dpm_solver])
def test_samplers_of_variances_refuse_the_straight_path(sampler):
    steps = list(range(839, -1, -1))
    with pytest.raises(ValueError, match="schedule of variances"):
        sampler(exact, torch.randn(3), SCHEDULE, steps, torch.randn_like)


def test_the_schedule_is_the_straight_path():
    torch.testing.assert_close(
        SCHEDULE.signals + SCHEDULE.noises, torch.ones(len(SCHEDULE), dtype=torch.float64)
    )
    assert SCHEDULE.noise_numbers[-1] == 1
    cosine = cosine_schedule(50)
    torch.testing.assert_close(cosine.signals**2 + cosine.noises**2, torch.ones(50).double())


@pytest.mark.parametrize(
    ("objective", "sampler", "message"),
    [
        ({"target": "flow"}, {"method": "ddim", "steps": 2}, "give euler or heun"),
        ({"target": "noise"}, {"method": "euler", "steps": 2}, "give ancestral, ddim"),
        ({"target": "flow"}, {"method": "heun"}, "needs a number of steps"),
        ({"target": "flow", "steps_from": "beta"}, {"method": "euler", "steps": 2}, "steps_from"),
    ],
)
def test_a_sampler_that_does_not_fit_the_target_is_refused(objective, sampler, message):
    values = TINY["rvd"].section().model_dump(mode="json")
    values |= {"objective": {"sigma": 1.0} | objective, "sampler": sampler}
    with pytest.raises(ValidationError, match=message):
        RvdConfig.model_validate(values)


def test_trainings_older_than_the_key_still_agree():
    assert "steps_from" not in ObjectiveConfig(sigma=1.0).model_dump(mode="json")
    assert FLOW.model_copy(update={"steps_from": "logit-normal"}).model_dump()["steps_from"]
