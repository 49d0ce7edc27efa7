"""Calibration: an ensemble's spread against its error, and the ranks of the truth."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, Shaped
from numpy.typing import NDArray


def variance_and_error(
    ensemble: Shaped[np.ndarray, "member frame *pixel"],
    truth: Shaped[np.ndarray, " frame *pixel"],
) -> tuple[Float[np.ndarray, " frame"], Float[np.ndarray, " frame"]]:
    """Return the ensemble's variance (over S − 1) and its mean's squared error, means over pixels.

    Both are to be averaged over clips before :func:`spread_skill` takes their ratio.

    Args:
        ensemble: Forecasts, at least two members, in any unit.
        truth: Recorded values, in the same unit.

    Returns:
        Variance and squared error, (frame) each, in the unit squared.

    Raises:
        ValueError: There are fewer than two members.
    """
    if len(ensemble) < 2:
        raise ValueError("one member has no spread")
    frames = len(truth)
    variance, error = np.empty(frames), np.empty(frames)
    for frame in range(frames):  # one frame in float64 at a time
        members = ensemble[:, frame].astype(np.float64)
        mean = members.mean(0)
        variance[frame] = np.square(members - mean).sum(0).mean() / (len(members) - 1)
        error[frame] = np.square(mean - truth[frame]).mean()
    return variance, error


def spread_skill(
    variance: Float[np.ndarray, "*frames"] | np.float64,
    error: Float[np.ndarray, "*frames"] | np.float64,
    size: int,
) -> Float[np.ndarray, "*frames"] | np.float64:
    """Return the ensemble's spread over the error of its mean: √((1 + 1/S)·variance / error).

    For members and truth sampled from one distribution its expectation is 1 at every S (Fortin et
    al., 2014); below 1 the ensemble is overconfident, above 1 underconfident. Where the error is
    zero it is NaN if the spread is zero, too, else infinite.

    Args:
        variance: Variance from :func:`variance_and_error`, mean over clips.
        error: Squared error from :func:`variance_and_error`, mean over clips.
        size: Number of members, S.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt((1 + 1 / size) * variance / error)


def rank_histogram(
    ensemble: Shaped[np.ndarray, "member ..."],
    truth: Shaped[np.ndarray, "..."],
    generator: np.random.Generator,
) -> Int[np.ndarray, " rank"]:
    """Return the number of pixels at which the truth has each rank among the members.

    The histogram is flat for a calibrated ensemble, high at both ends for an overconfident one, and
    sloped for a biased one. A truth that equals members gets one of its possible ranks at random,
    so that grey levels and black backgrounds do not pile up.

    Args:
        ensemble: Forecasts, (member, …).
        truth: Recorded values, (…).
        generator: Random generator that breaks ties.

    Returns:
        (S + 1) counts, whose sum is the number of pixels.
    """
    below: NDArray = np.zeros(truth.shape, np.int64)
    equal: NDArray = np.zeros(truth.shape, np.int64)
    for member in ensemble:
        below += member < truth
        equal += member == truth
    ranks = below + generator.integers(0, equal + 1)
    return np.bincount(ranks.ravel(), minlength=len(ensemble) + 1)
