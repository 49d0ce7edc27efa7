"""A calibrated ensemble has a spread–skill ratio of 1 and a flat rank histogram."""

import numpy as np
import pytest

from rvd.metrics.functional.calibration import rank_histogram, spread_skill, variance_and_error


def normal_ensemble(size, width=1.0, shift=0.0, pixels=100_000):
    generator = np.random.default_rng(0)
    ensemble = width * generator.standard_normal((size, 2, pixels)) + shift
    return ensemble, generator.standard_normal((2, pixels))


@pytest.mark.parametrize("size", [2, 5, 40])
@pytest.mark.parametrize("width", [0.5, 1.0, 2.0])
def test_the_ratio_of_normal_ensembles_is_known(size, width):
    """Spread w, error √(1 + w²/S): √((1 + 1/S)·w² / (1 + w²/S)), which is 1 for w = 1."""
    variance, error = variance_and_error(*normal_ensemble(size, width))
    expected = np.sqrt((1 + 1 / size) * width**2 / (1 + width**2 / size))
    np.testing.assert_allclose(spread_skill(variance, error, size), expected, rtol=0.01)


def test_a_certain_forecast_has_no_spread_and_one_member_no_ratio():
    ensemble, truth = normal_ensemble(1)
    variance, error = variance_and_error(np.repeat(ensemble, 3, axis=0), truth)
    np.testing.assert_allclose(spread_skill(variance, error, 3), 0, atol=1e-12)
    assert np.isnan(spread_skill(np.zeros(1), np.zeros(1), 3))
    with pytest.raises(ValueError, match="one member has no spread"):
        variance_and_error(ensemble, truth)


def test_grey_levels_do_not_overflow():
    ensemble = np.array([[[0, 0]], [[255, 255]]], np.uint8)
    variance, error = variance_and_error(ensemble, np.array([[255, 0]], np.uint8))
    assert variance == pytest.approx(2 * 127.5**2)
    assert error == pytest.approx(127.5**2)


def ranks(ensemble, truth):
    counts = rank_histogram(ensemble, truth, np.random.default_rng(1))
    assert counts.shape == (len(ensemble) + 1,)
    assert counts.sum() == truth.size
    return counts / counts.mean()


def test_the_histogram_of_a_calibrated_ensemble_is_flat():
    np.testing.assert_allclose(ranks(*normal_ensemble(7)), 1, atol=0.03)


def test_an_overconfident_ensemble_is_high_at_both_ends_and_a_biased_one_at_one():
    narrow, low = ranks(*normal_ensemble(7, width=0.3)), ranks(*normal_ensemble(7, shift=-1.0))
    assert min(narrow[0], narrow[-1]) > 2 > 0.5 > narrow[3]
    assert (np.diff(low) > 0).all()


def test_ties_are_spread_over_the_ranks_they_could_have():
    black = np.zeros((4, 50_000), np.uint8)
    np.testing.assert_allclose(ranks(black, black[0]), 1, atol=0.05)
