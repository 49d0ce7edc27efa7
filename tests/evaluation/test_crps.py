import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rvd.metrics.functional.crps import crps, crps_on_device, fair_crps
from rvd.metrics.functional.sorted_sums import BLOCK, MOST_BYTES, SHARE, sorting_network, sums


def by_definition(ensemble, truth):
    """Return the sum over grey levels 0…255 of (F̂(z) − 1{x ≤ z})² (section 3.4)."""
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


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 2, 17])
def test_equals_properscoring(kind, size):
    """The pixels are more than one block, and no multiple of it."""
    import properscoring  # compiles functions for seconds

    ensemble, truth = random_grey(size, 3 * BLOCK + 7, kind)
    expected = properscoring.crps_ensemble(truth.astype(float), ensemble.astype(float), axis=0)
    np.testing.assert_allclose(crps(ensemble, truth), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 11])
def test_the_network_sorts(size):
    """A network that sorts all sequences of zeros and ones sorts all (Knuth's 0-1 principle)."""
    rows = np.array([*itertools.product((0, 1), repeat=size)]).T.copy()
    for first, second in zip(*sorting_network(size), strict=True):
        pair = rows[[first, second]]
        rows[first], rows[second] = pair.min(0), pair.max(0)
    assert (np.diff(rows, axis=0) >= 0).all()


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("size", [6, MOST_BYTES, MOST_BYTES + 2])
def test_sums_are_those_of_all_pairs(kind, size):
    """Covers the largest differences of bytes, negative numbers, and two threads."""
    generator = np.random.default_rng(0)
    members = generator.choice([0, 255], (size, SHARE + 5)).astype(kind)
    if kind is not np.uint8:
        members -= kind(128)
        members *= generator.integers(0, 2, members.shape).astype(kind)  # and −0
    truth = members[0, ::-1]
    errors, pairs = sums(members, truth, threads=2)
    some = generator.integers(0, SHARE + 5, 50)
    x = members[:, some].astype(float)
    np.testing.assert_allclose(errors[some], np.abs(x - truth[some]).sum(0))
    np.testing.assert_allclose(pairs[some], np.abs(x[:, None] - x).sum((0, 1)) / 2)


def test_nan_has_no_score():
    ensemble, truth = np.zeros((3, 4)), np.zeros(4)
    ensemble[1, 2] = truth[3] = np.nan
    np.testing.assert_array_equal(np.isnan(crps(ensemble, truth)), [False, False, True, True])


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_both_forms_equal_scoringrules(kind):
    import scoringrules  # compiles functions for seconds

    ensemble, truth = random_grey(9, 500, kind)
    wide, x = ensemble.T.astype(float), truth.astype(float)
    for estimator in ("pwm", "fair"):
        expected = scoringrules.crps_ensemble(x, wide, estimator=estimator, backend="numpy")
        np.testing.assert_allclose(fair_crps(ensemble, truth), expected, rtol=0, atol=1e-10)
    expected = scoringrules.crps_ensemble(x, wide, estimator="nrg", backend="numpy")
    np.testing.assert_allclose(crps(ensemble, truth), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("fair", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_tensors_score_as_arrays(device, fair, kind):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    ensemble, truth = random_grey(7, 300, kind)
    tensors = [torch.from_numpy(array).to(device) for array in (ensemble, truth)]
    expected = (fair_crps if fair else crps)(ensemble, truth)
    np.testing.assert_allclose(crps_on_device(*tensors, fair=fair).cpu(), expected, atol=1e-10)


def test_the_fair_form_does_not_depend_on_the_size_of_the_ensemble():
    """Its expectation for a calibrated normal forecast is 1/√π at every S."""
    generator = np.random.default_rng(0)
    truth = generator.standard_normal(40_000)
    for size in (2, 8, 32):
        ensemble = generator.standard_normal((size, 40_000))
        assert fair_crps(ensemble, truth).mean() == pytest.approx(1 / np.sqrt(np.pi), rel=0.02)


def test_maps_keep_the_shape_of_the_truth():
    ensemble, truth = random_grey(3, 2 * 4 * 5 * 3, np.uint8)
    shape = (2, 4, 5, 3)
    scores = crps(ensemble.reshape(3, *shape), truth.reshape(shape))
    np.testing.assert_array_equal(scores.ravel(), crps(ensemble, truth))
    assert scores.shape == shape


def random_grey(size, pixels, kind):
    generator = np.random.default_rng(0)
    grey = generator.integers(0, 256, (size + 1, pixels))
    values = grey if kind is np.uint8 else grey / 255 + 0.01 * generator.random((size + 1, pixels))
    return values[1:].astype(kind), values[0].astype(kind)


def test_shapes_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="at least 1 does not belong"):
        crps(np.zeros((3, 4)), np.zeros(5))
    with pytest.raises(ValueError, match="at least 1 does not belong"):
        crps(np.zeros((0, 4)), np.zeros(4))
    with pytest.raises(ValueError, match="of at least 2 does not belong"):
        fair_crps(np.zeros((1, 4)), np.zeros(4))
