from typing import get_args

import pytest
import torch

from rvd.diffusion.config import ObjectiveConfig
from rvd.diffusion.objective import LOSSES, diffusion_loss
from rvd.diffusion.parameterization import PARAMETERIZATIONS
from rvd.diffusion.schedule import cosine_schedule

SCHEDULE = cosine_schedule(50)
STEP = torch.tensor([3, 30])


def values():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 2, 5, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("target", PARAMETERIZATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_perfect_denoiser_has_no_loss(target, loss):
    clean, noise = values()

    def perfect(noisy, step):
        torch.testing.assert_close(noisy, SCHEDULE.add_noise(clean, noise, STEP))
        return PARAMETERIZATIONS[target].target(clean, noise, SCHEDULE, step)

    objective = ObjectiveConfig(sigma=1.0, target=target, loss=loss)
    assert diffusion_loss(perfect, clean, noise, STEP, SCHEDULE, objective) == 0


@pytest.mark.parametrize(("loss", "expected"), [("squared", 9.0), ("absolute", 3.0)])
def test_errors_count_by_the_loss(loss, expected):
    clean, noise = values()
    objective = ObjectiveConfig(sigma=1.0, loss=loss)
    found = diffusion_loss(lambda *_: noise + 3, clean, noise, STEP, SCHEDULE, objective)
    assert float(found) == pytest.approx(expected)


def test_the_config_lists_these():
    assert set(get_args(ObjectiveConfig.model_fields["loss"].annotation)) == set(LOSSES)
