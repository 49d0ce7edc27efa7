"""Exceedance of thresholds: the Brier score and its decomposition."""

import numpy as np
import pytest

from rvd.metrics.functional.exceedance import brier_terms, exceedance_counts, reliability_curve


def outcomes(size, width=1.0, shift=0.0, values=200_000, seed=0):
    """Return counts of exceeding 0.5 of normal forecasts whose centre is known to both."""
    generator = np.random.default_rng(seed)
    centre = generator.standard_normal((1, values))
    truth = centre + generator.standard_normal((1, values))
    members = centre + shift + width * generator.standard_normal((size, 1, values))
    return exceedance_counts(members, truth, [0.5])


def direct(counts):
    """Return probability and event of each pixel."""
    size = counts.shape[-1] - 1
    event, exceeding = np.indices(counts.shape)
    repeated = [np.repeat(of.ravel(), counts.ravel()) for of in (exceeding / size, event)]
    return repeated[0], repeated[1]


def test_counts_by_hand():
    """A value that equals the threshold does not exceed it."""
    members = np.array([[[0, 10, 20]], [[0, 11, 20]]], np.uint8)
    counts = exceedance_counts(members, np.array([[11, 10, 30]], np.uint8), [10.0, 25.0])
    assert counts.shape == (2, 1, 2, 3)
    np.testing.assert_array_equal(counts[0, 0], [[0, 1, 0], [1, 0, 1]])
    np.testing.assert_array_equal(counts[1, 0], [[2, 0, 0], [1, 0, 0]])


def test_terms_by_hand():
    """Probabilities 0, ½ and 1 with frequencies ¼, ½ and 1, four pixels each.

    Mean (p − o)²: (1 + 4·¼)/12 = 1/6. Rate 7/12, uncertainty 35/144. Reliability: 4·(¼)²/12 = 1/48.
    """
    terms = brier_terms(np.array([[3, 2, 0], [1, 2, 4]]))
    assert terms.score == pytest.approx(1 / 6)
    assert terms.reliability == pytest.approx(1 / 48)
    assert terms.uncertainty == pytest.approx(35 / 144)
    assert terms.resolution == pytest.approx(1 / 48 + 35 / 144 - 1 / 6)
    assert terms.within_variance == terms.within_covariance == 0
    # Fair: less p(1 − p) / (S − 1), which is ¼ for a third of the pixels.
    assert terms.fair == pytest.approx(1 / 6 - 1 / 12)


@pytest.mark.parametrize("size", [1, 2, 10, 11, 16, 100])
@pytest.mark.parametrize("bins", [2, 3, 11])
def test_the_terms_add_up_exactly(size, bins):
    counts = np.random.default_rng(size).integers(0, 50, (2, 3, 2, size + 1))
    counts[0, 0, 1] = 0  # an event that never occurs
    counts[0, 1, :, 1:] = 0  # and one that is never forecast
    terms = brier_terms(counts, bins)
    added = terms.reliability - terms.resolution + terms.uncertainty
    added += terms.within_variance - terms.within_covariance
    np.testing.assert_allclose(added, terms.score, rtol=1e-12, atol=1e-14)
    added = terms.reliability - terms.generalised_resolution + terms.uncertainty
    np.testing.assert_allclose(added, terms.score, rtol=1e-12, atol=1e-14)
    assert terms.score.shape == (2, 3)
    if size < bins:
        np.testing.assert_allclose(terms.within_variance, 0, atol=1e-15)
    assert (terms.reliability >= 0).all()
    assert terms.uncertainty[0, 0] == 0


def test_it_equals_the_mean_square_and_scoringrules():
    import scoringrules  # compiles functions for seconds

    counts = outcomes(20, values=5000)
    probability, event = direct(counts[0, 0])
    expected = np.mean((probability - event) ** 2)
    terms = brier_terms(counts)
    assert terms.score[0, 0] == pytest.approx(expected)
    # brier_score of version 0.10 takes probabilities and events.
    by_library = np.mean(scoringrules.brier_score(event.astype(float), probability))
    assert terms.score[0, 0] == pytest.approx(by_library)


@pytest.mark.parametrize("worse", [{"width": 0.2}, {"width": 4.0}, {"shift": 1.0}])
def test_the_distribution_of_the_truth_is_preferred(worse):
    best, other = (brier_terms(outcomes(10, **change)) for change in ({}, worse))
    assert other.score > best.score + 0.005
    assert other.fair > best.fair + 0.005
    assert other.reliability > 2 * best.reliability


def test_only_the_fair_score_does_not_depend_on_the_size():
    terms = {size: brier_terms(outcomes(size)) for size in (2, 5, 50)}
    fair = [float(found.fair[0, 0]) for found in terms.values()]
    assert max(fair) - min(fair) < 0.003
    assert terms[2].score > terms[50].score + 0.03
    assert np.isnan(brier_terms(outcomes(1, values=10)).fair).all()


def test_the_curve_of_a_calibrated_ensemble_is_the_diagonal():
    curve = reliability_curve(outcomes(100))
    np.testing.assert_allclose(curve.frequency, curve.probability, atol=0.02)
    assert curve.share.sum() == pytest.approx(1)
    certain = reliability_curve(outcomes(100, width=0.2))
    assert certain.frequency[0, 0, 1] > 0.2 > certain.probability[0, 0, 1]


def test_counts_of_clips_add_and_members_may_be_permuted():
    generator = np.random.default_rng(0)
    ensemble, truth = generator.random((5, 4, 6, 6, 1)), generator.random((4, 6, 6, 1))
    whole = exceedance_counts(ensemble, truth, [0.3, 0.6])
    parts = [
        exceedance_counts(ensemble[:, :, part], truth[:, part], [0.3, 0.6])
        for part in (slice(2), slice(2, None))
    ]
    np.testing.assert_array_equal(sum(parts), whole)
    np.testing.assert_array_equal(exceedance_counts(ensemble[::-1], truth, [0.3, 0.6]), whole)
    assert (whole.sum((-2, -1)) == 36).all()


def test_empty_bins_have_no_frequency_and_bad_input_is_refused():
    curve = reliability_curve(np.array([[5, 0, 0], [0, 0, 5]]))
    assert np.isnan(curve.frequency).sum() == 9
    with pytest.raises(ValueError, match="at least 2 bins, not 1"):
        brier_terms(np.ones((2, 4), np.int64), bins=1)
    with pytest.raises(ValueError, match="of at least 1 does not belong"):
        exceedance_counts(np.zeros((0, 2, 3)), np.zeros((2, 3)), [0.5])
