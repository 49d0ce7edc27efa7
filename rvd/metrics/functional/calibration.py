"""Whether an ensemble's spread says how wrong it is."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, Shaped
from numpy.typing import NDArray


def variance_and_error(
    ensemble: Shaped[np.ndarray, "member frame *pixel"],
    truth: Shaped[np.ndarray, " frame *pixel"],
) -> tuple[Float[np.ndarray, " frame"], Float[np.ndarray, " frame"]]:
    """The ensemble's variance (over S − 1) and the squared error of its mean, means over pixels.

    They add up over clips; :func:`spread_skill` makes their ratio.

    Args:
        ensemble: at least two members.
        truth: in the same unit.

    Returns:
        (frame) each, the unit squared.

    Raises:
        ValueError: there are fewer than two members.
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
    variance: Float[np.ndarray, "..."], error: Float[np.ndarray, "..."], size: int
) -> Float[np.ndarray, "..."]:
    """The ensemble's spread over the error of its mean: √((1 + 1/S)·variance / error).

    For members and truth drawn from one distribution its expectation is 1 at every S (Fortin et
    al., 2014); below 1 the ensemble is too sure, above too unsure. Where the error is zero it is
    NaN if the spread is zero, too, else infinite.

    Args:
        variance: from :func:`variance_and_error`, mean over clips.
        error: the same.
        size: members, S.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt((1 + 1 / size) * variance / error)


def rank_histogram(
    ensemble: Shaped[np.ndarray, "member ..."],
    truth: Shaped[np.ndarray, "..."],
    generator: np.random.Generator,
) -> Int[np.ndarray, " rank"]:
    """How often the truth has each rank among the members, over all pixels.

    Flat for a calibrated ensemble, high at both ends for one too sure, sloped for one biased. A
    truth that equals members gets a random one of the ranks that it could have, so that grey levels
    and black backgrounds do not pile up.

    Args:
        ensemble: (member, …).
        truth: (…).
        generator: of the ties.

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
