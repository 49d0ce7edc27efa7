from typing import get_args

import pytest
import torch

from rvd.diffusion.config import ObjectiveConfig
from rvd.diffusion.parameterization import PARAMETERIZATIONS
from rvd.diffusion.schedule import cosine_schedule, straight_schedule


@pytest.mark.parametrize("name", PARAMETERIZATIONS)
def test_a_perfect_prediction_implies_the_clean_value(name):
    parameterization = PARAMETERIZATIONS[name]
    schedule = (straight_schedule if name == "flow" else cosine_schedule)(100)
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 8, 3, dtype=torch.float64, generator=generator)
    step = torch.arange(0, 96, 12)
    noisy = schedule.add_noise(clean, noise, step)
    target = parameterization.target(clean, noise, schedule, step)
    torch.testing.assert_close(parameterization.clean(noisy, target, schedule, step), clean)


def test_velocity_is_the_derivative_by_the_angle():
    """With √ᾱ = cos φ and √(1−ᾱ) = sin φ, v = dy/dφ (Salimans and Ho, 2022, appendix D)."""
    schedule, step = cosine_schedule(100), torch.tensor([40])
    clean, noise = torch.randn(2, 1, 3, dtype=torch.float64)
    angle = schedule.alpha_bar[40].sqrt().arccos().requires_grad_()
    (slope,) = torch.autograd.functional.jvp(
        lambda phi: phi.cos() * clean + phi.sin() * noise, angle, torch.ones_like(angle)
    )[1:]
    v = PARAMETERIZATIONS["velocity"].target(clean, noise, schedule, step)
    torch.testing.assert_close(v, slope)


def test_the_config_lists_these():
    names = get_args(ObjectiveConfig.model_fields["target"].annotation)
    assert set(names) == set(PARAMETERIZATIONS)
