import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rvd.evaluation.crps import crps


def by_definition(ensemble, truth):
    """The sum over grey levels 0…255 of (F̂(z) − 1{x ≤ z})² (section 3.4)."""
    levels = np.arange(256)
    distribution = (ensemble[..., None] <= levels).mean(0)
    step = truth[..., None] <= levels
    return ((distribution - step) ** 2).sum(-1)


grey = st.integers(0, 255)


@settings(max_examples=50, deadline=None)
@given(st.lists(grey, min_size=1, max_size=12), grey)
def test_equals_the_definition_on_grey_levels(members, x):
    ensemble, truth = np.array(members, np.uint8)[:, None], np.array([x], np.uint8)
    assert crps(ensemble, truth) == pytest.approx(by_definition(ensemble, truth), abs=1e-10)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.floats(-5, 5), st.floats(0, 9))
def test_scales_and_shifts_with_the_unit(members, x, factor):
    ensemble, truth = np.array(members)[:, None], np.array([x])
    scaled = crps(ensemble * factor + 3, truth * factor + 3)
    assert scaled == pytest.approx(crps(ensemble, truth) * factor, abs=1e-9)


def test_one_member_or_equal_ones_score_their_absolute_error():
    generator = np.random.default_rng(0)
    forecast, truth = generator.random((2, 4, 5))
    error = np.abs(forecast - truth)
    np.testing.assert_allclose(crps(forecast[None], truth), error)
    np.testing.assert_allclose(crps(np.stack([forecast] * 7), truth), error, atol=1e-15)


def test_a_perfect_forecast_scores_zero():
    truth = np.random.default_rng(0).random((4, 5))
    np.testing.assert_allclose(crps(np.stack([truth] * 3), truth), 0, atol=1e-15)


def test_bias_falls_with_the_size_of_the_ensemble():
    """E[biased] ≈ (1 + 1/S)·E[fair], which for a calibrated normal forecast is 1/√π."""
    generator = np.random.default_rng(0)
    truth = generator.standard_normal(40_000)
    for size in (2, 8, 32):
        ensemble = generator.standard_normal((size, 40_000))
        expected = (1 + 1 / size) / np.sqrt(np.pi)
        assert crps(ensemble, truth).mean() == pytest.approx(expected, rel=0.02)


def test_shapes_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="does not belong"):
        crps(np.zeros((3, 4)), np.zeros(5))
    with pytest.raises(ValueError, match="does not belong"):
        crps(np.zeros((0, 4)), np.zeros(4))
