"""Energy and variogram score: hand-computed values, scoringrules', propriety, invariances."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from rvd.metrics.functional.multivariate.energy import energy_score
from rvd.metrics.functional.multivariate.variogram import neighbours, variogram_score

KINDS = [np.uint8, np.float32, np.float64]
SCORES = [energy_score, variogram_score]


def frames(members, shape=(3, 5, 6, 2), kind=np.float64, seed=0):
    """Return an ensemble and a truth of smooth random frames, 0 … 255 or 0 … 1."""
    generator = np.random.default_rng(seed)
    values = gaussian_filter(
        generator.standard_normal((members + 1, *shape)), (0, 0, 1.5, 1.5, 0), mode="wrap"
    )
    unit = np.clip(0.5 + values, 0, 1)
    stored = (255 * unit).round() if kind is np.uint8 else unit
    return stored[1:].astype(kind), stored[0].astype(kind)


def flat(ensemble, truth):
    """Return truth and ensemble as scoringrules takes them: (frame, value), (frame, member, …)."""
    size, count = ensemble.shape[:2]
    members = np.moveaxis(ensemble.reshape(size, count, -1), 0, 1)
    return truth.reshape(count, -1).astype(float), members.astype(float)


def test_energy_score_of_two_members_by_hand():
    """Distances to the truth 5 and 0, to each other 5: (5 + 0)/2 − 2·5/(2·2·1) = 0."""
    ensemble = np.array([[[3.0, 4.0]], [[0.0, 0.0]]])
    assert energy_score(ensemble, np.zeros((1, 2))) == pytest.approx([0.0])
    # To the truth (0, 4): 3 and 4, so 3.5 − 2.5.
    assert energy_score(ensemble, np.array([[0.0, 4.0]])) == pytest.approx([1.0])


def test_variogram_score_of_two_members_by_hand():
    """One pair: roots 2 and 4 of the members' differences, 1 of the truth's.

    (1 − 3)² − variance 2 / 2 members = 3.
    """
    ensemble = np.array([[0.0, 4.0], [16.0, 0.0]]).reshape(2, 1, 1, 2, 1)
    truth = np.array([5.0, 6.0]).reshape(1, 1, 2, 1)
    assert variogram_score(ensemble, truth) == pytest.approx([3.0])
    # Of order 2: (1 − 136)² − variance 28,800 / 2.
    assert variogram_score(ensemble, truth, order=2) == pytest.approx([3825.0])


def test_neighbours_are_each_pair_once():
    offsets, weights = neighbours(1)
    assert sorted(map(tuple, offsets.tolist())) == [(0, 1), (1, 0)]
    assert weights.tolist() == [1, 1]
    offsets, weights = neighbours(4)
    assert len(offsets) == 24
    found = {*map(tuple, offsets.tolist())}
    assert not found & {(-down, -right) for down, right in found}
    assert weights[offsets.tolist().index([3, -2])] == pytest.approx(13**-0.5)
    with pytest.raises(ValueError, match="no pairs of pixels within a distance of 0"):
        neighbours(0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [2, 7])
def test_energy_score_equals_scoringrules(kind, size):
    import scoringrules  # compiles functions for seconds

    ensemble, truth = frames(size, kind=kind)
    expected = scoringrules.es_ensemble(*flat(ensemble, truth), estimator="fair", backend="numpy")
    np.testing.assert_allclose(energy_score(ensemble, truth), expected, rtol=1e-10, atol=1e-12)


def distance_weights(height, width, channels, radius):
    """Return 1 / distance between all values of a frame, 0 beyond ``radius`` and across channels.

    The sum is 1.
    """
    y, x, c = np.indices((height, width, channels)).reshape(3, -1)
    distance = np.hypot(*(of[:, None] - of for of in (y, x)))
    near = (distance > 0) & (distance <= radius) & (c[:, None] == c)
    weights = np.where(near, 1 / np.where(near, distance, 1), 0)
    return weights / weights.sum()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", [0.5, 1.0])
@pytest.mark.parametrize("radius", [1, 4, 9])
def test_variogram_score_equals_scoringrules_with_the_same_weights(kind, order, radius):
    import scoringrules  # compiles functions for seconds

    ensemble, truth = frames(6, kind=kind)
    weights = distance_weights(*truth.shape[1:], radius)
    truths, members = flat(ensemble, truth)
    expected = scoringrules.vs_ensemble(
        truths, members, weights[None], p=order, estimator="fair", backend="numpy"
    )
    found = variogram_score(ensemble, truth, order, radius)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("score", SCORES)
def test_the_order_of_members_does_not_matter(score):
    ensemble, truth = frames(9)
    shuffled = ensemble[np.random.default_rng(1).permutation(9)]
    np.testing.assert_allclose(score(shuffled, truth), score(ensemble, truth), rtol=1e-12)


def test_chunks_and_threads_do_not_change_the_scores():
    ensemble, truth = frames(5)
    expected = energy_score(ensemble, truth)
    for chunk in (1, 35, 10_000):
        np.testing.assert_allclose(energy_score(ensemble, truth, chunk), expected, rtol=1e-12)
    found = variogram_score(ensemble, truth, threads=3)
    np.testing.assert_array_equal(found, variogram_score(ensemble, truth))
    some = variogram_score(ensemble[:, 1:2], truth[1:2])
    np.testing.assert_array_equal(some, found[1:2])


@pytest.mark.parametrize("score", SCORES)
def test_a_perfect_forecast_scores_zero(score):
    _, truth = frames(1)
    found = score(np.stack([truth] * 4), truth)
    np.testing.assert_allclose(found, 0, atol=1e-12)


def test_equal_members_score_their_distance():
    ensemble, truth = frames(1)
    expected = np.sqrt(np.square(ensemble[0] - truth).sum((1, 2, 3)))
    found = energy_score(np.repeat(ensemble, 3, axis=0), truth)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def distribution(members, width=1.0, shift=0.0, blur=0.7, cases=400, seed=0):
    """Return forecasts, and truths of the distribution of the defaults, of 6 × 6 pixels."""
    generator = np.random.default_rng(seed)

    def smooth(*shape, blur):
        noise = generator.standard_normal((*shape, 6, 6))
        blurred = gaussian_filter(noise, (0,) * len(shape) + (blur, blur), mode="wrap")
        return (blurred / blurred.std())[..., None]

    truth = smooth(cases, blur=0.7)
    return width * smooth(members, cases, blur=blur) + shift, truth


@pytest.mark.parametrize("worse", [{"width": 0.4}, {"width": 2.0}, {"shift": 1.0}, {"blur": 2.0}])
def test_the_energy_score_prefers_the_distribution_of_the_truth(worse):
    best = energy_score(*distribution(8)).mean()
    assert energy_score(*distribution(8, **worse)).mean() > best + 0.02


@pytest.mark.parametrize("worse", [{"width": 0.4}, {"width": 2.0}, {"blur": 0.3}, {"blur": 2.0}])
def test_the_variogram_score_prefers_the_distribution_of_the_truth(worse):
    best = variogram_score(*distribution(8)).mean()
    assert variogram_score(*distribution(8, **worse)).mean() > best + 0.005


@pytest.mark.parametrize("score", SCORES)
def test_fair_scores_do_not_depend_on_the_size_of_the_ensemble(score):
    values = [score(*distribution(size, cases=2000)) for size in (2, 4, 16)]
    error = [found.std() / len(found) ** 0.5 for found in values]
    for found, other in zip(values[:-1], error[:-1], strict=True):
        assert abs(found.mean() - values[-1].mean()) < 4 * (other + error[-1])


@pytest.mark.parametrize("score", SCORES)
def test_one_member_and_other_shapes_are_refused(score):
    ensemble, truth = frames(3)
    with pytest.raises(ValueError, match="of at least 2 does not belong"):
        score(ensemble[:1], truth)


def test_an_order_of_zero_and_other_sizes_are_refused():
    ensemble, truth = frames(3)
    with pytest.raises(ValueError, match="order of a variogram is above 0, not 0"):
        variogram_score(ensemble, truth, order=0)
    with pytest.raises(ValueError, match="of at least 2 does not belong"):
        energy_score(ensemble, truth[:, :-1])


def test_a_frame_of_one_pixel_has_no_variogram():
    assert np.isnan(variogram_score(np.zeros((2, 1, 1, 1, 1)), np.zeros((1, 1, 1, 1)))).all()
