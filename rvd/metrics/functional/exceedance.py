"""Exceedance of thresholds: the Brier score, its decomposition, and reliability curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped
from numpy.typing import NDArray

from rvd.metrics.functional.crps import check_shapes

# Probability bins, centred at 0, 0.1, …, 1. Ensembles of up to 10 members have one per value.
BINS = 11

Counts = Int[np.ndarray, "*cases event exceeding"]
Terms = Float[np.ndarray, "*cases"] | np.float64


class BrierTerms(NamedTuple):
    """The Brier score and its decomposition, (…) each.

    ``score`` = ``reliability`` − ``resolution`` + ``uncertainty`` + ``within_variance`` −
    ``within_covariance``, exactly. The first three are those of Murphy (1973), for the mean
    probability of each bin; the other two are the differences within bins (Stephenson et al.,
    2008), and 0 where each bin has one probability.

    Attributes:
        score: Mean squared error of the probability; smaller is better.
        fair: Score without the bias of few members (Ferro, 2014); NaN for one member.
        reliability: Mean squared difference between probability and observed frequency; 0 is best.
        resolution: Variance of the observed frequency between bins; larger is better.
        uncertainty: Variance of the event, which does not depend on the forecast.
        within_variance: Variance of the probability within bins.
        within_covariance: Twice the covariance of probability and event within bins.
    """

    score: Terms
    fair: Terms
    reliability: Terms
    resolution: Terms
    uncertainty: Terms
    within_variance: Terms
    within_covariance: Terms

    @property
    def generalised_resolution(self) -> Terms:
        """Resolution with the terms within bins: score = reliability − this + uncertainty."""
        return self.resolution - self.within_variance + self.within_covariance


class ReliabilityCurve(NamedTuple):
    """A reliability diagram's points, (…, bin) each; NaN in bins without forecasts.

    Attributes:
        probability: Mean forecast probability in each bin.
        frequency: Observed relative frequency of the event.
        share: Share of the forecasts that are in the bin, 0 … 1.
    """

    probability: Float[np.ndarray, "*cases bin"]
    frequency: Float[np.ndarray, "*cases bin"]
    share: Float[np.ndarray, "*cases bin"]


def exceedance_counts(
    ensemble: Shaped[np.ndarray, "member frame ..."],
    truth: Shaped[np.ndarray, " frame ..."],
    thresholds: Sequence[float],
) -> Int[np.ndarray, "threshold frame event exceeding"]:
    """Return the number of values for each outcome and each number of members that exceed.

    Counts of several clips may be added; all scores of this module follow from them.

    Args:
        ensemble: Forecasts, (member, frame, …), integers or floats.
        truth: Recorded values, (frame, …), in the same unit.
        thresholds: Thresholds in that unit; a value exceeds one if it is larger.

    Returns:
        Counts, (threshold, frame, event, exceeding): event is 1 where the truth exceeds the
        threshold, and exceeding is the number of members that do, 0 … S.

    Raises:
        ValueError: Shapes differ, or there is no member.
    """
    check_shapes(tuple(ensemble.shape), tuple(truth.shape), 1)
    size = len(ensemble)
    counts = np.empty((len(thresholds), len(truth), 2, size + 1), np.int64)
    for frame, values in enumerate(truth):
        for index, threshold in enumerate(thresholds):
            exceeding = np.zeros(values.shape, np.int64)
            for member in ensemble[:, frame]:
                exceeding += member > threshold
            outcome = exceeding + (size + 1) * (values > threshold)
            found = np.bincount(outcome.ravel(), minlength=2 * (size + 1))
            counts[index, frame] = found.reshape(2, size + 1)
    return counts


def brier_terms(counts: Counts, bins: int = BINS) -> BrierTerms:
    """Return the Brier score of exceedance and its decomposition, for each case.

    The probability is the share of members that exceed the threshold. Its score is *biased*: it
    decreases as S grows, as the share of few members is a noisy estimate; this adds to reliability.

    Args:
        counts: Counts from :func:`exceedance_counts`, or sums of them.
        bins: Number of bins of the probability, centred at 0, 1 / (bins − 1), …, 1.

    Raises:
        ValueError: There are fewer than two bins.
    """
    probability, inside = _binned(counts.shape[-1] - 1, bins)
    none, some = counts[..., 0, :].astype(np.float64), counts[..., 1, :].astype(np.float64)
    both, size = none + some, counts.shape[-1] - 1
    number = both.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = (some @ (1 - probability) ** 2 + none @ probability**2) / number
        noise = both @ (probability * (1 - probability)) / number
        fair = score - noise / (size - 1) if size > 1 else np.full_like(score, np.nan)
        rate = some.sum(-1) / number
        of_bin = both @ inside
        forecast = np.nan_to_num(both @ (probability[:, None] * inside) / of_bin)
        observed = np.nan_to_num(some @ inside / of_bin)
        spread = both @ (np.square(probability)[:, None] * inside) - of_bin * forecast**2
        joint = some @ (probability[:, None] * inside) - of_bin * forecast * observed
        return BrierTerms(
            score=score,
            fair=fair,
            reliability=(of_bin * np.square(forecast - observed)).sum(-1) / number,
            resolution=(of_bin * np.square(observed - rate[..., None])).sum(-1) / number,
            uncertainty=rate * (1 - rate),
            within_variance=spread.sum(-1) / number,
            within_covariance=2 * joint.sum(-1) / number,
        )


def reliability_curve(counts: Counts, bins: int = BINS) -> ReliabilityCurve:
    """Return the points of the reliability diagram, for each case.

    Args:
        counts: Counts from :func:`exceedance_counts`, or sums of them.
        bins: Number of bins of the probability, as in :func:`brier_terms`.

    Raises:
        ValueError: There are fewer than two bins.
    """
    probability, inside = _binned(counts.shape[-1] - 1, bins)
    both = counts.sum(-2)
    of_bin = both @ inside
    with np.errstate(divide="ignore", invalid="ignore"):
        return ReliabilityCurve(
            probability=both @ (probability[:, None] * inside) / of_bin,
            frequency=counts[..., 1, :] @ inside / of_bin,
            share=of_bin / both.sum(-1)[..., None],
        )


def _binned(size: int, bins: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probability of 0 … S members, and its bin as a row of zeros and a one."""
    if bins < 2:
        raise ValueError(f"probabilities need at least 2 bins, not {bins}")
    exceeding = np.arange(size + 1)
    # In integers, so that no rounding moves a probability into the next bin.
    nearest = (2 * exceeding * (bins - 1) + size) // (2 * size)
    return exceeding / size, np.eye(bins)[nearest]
