import pytest

from rvd.config.training import LearningRateConfig
from rvd.training.optimisers import learning_rate


def test_schedule_of_the_paper():
    settings = LearningRateConfig(initial=5e-5, drops={500_000: 2e-5})
    assert learning_rate(settings, 0, 1_000_000) == 5e-5
    assert learning_rate(settings, 499_999, 1_000_000) == 5e-5
    assert learning_rate(settings, 500_000, 1_000_000) == 2e-5


def test_warmup_and_decay():
    settings = LearningRateConfig(initial=1.0, warmup=10, decay_from=0.5)
    assert learning_rate(settings, 0, 100) == pytest.approx(0.1)
    assert learning_rate(settings, 9, 100) == 1
    assert learning_rate(settings, 50, 100) == 1
    assert learning_rate(settings, 75, 100) == pytest.approx(0.5)
    assert learning_rate(settings, 99, 100) < 0.01
