"""The continuous ranked probability score, pixel by pixel (section 3.4)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray


def crps(
    ensemble: Float[np.ndarray, "member ..."], truth: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """CRPS of the ensemble's empirical distribution function: the paper's estimator.

    ∫(F̂(z) − 1{x ≤ z})² dz = mean|X_s − x| − Σ_s (2s − S − 1)·X_(s)/S², with X_(s) the sorted
    members, s from 1. On integer grey levels it equals the sum over 0…255. It is biased: its
    expectation is about (1 + 1/S) times that of the fair estimator, so S belongs to the score. The
    score of one member, or of equal ones, is the absolute error.

    Args:
        ensemble: (member, …), any unit.
        truth: (…), the same unit.

    Returns:
        (…), float64, in that unit, at least 0; smaller is better.

    Raises:
        ValueError: shapes differ, or there is no member.
    """
    size = len(ensemble)
    if size == 0 or ensemble.shape[1:] != truth.shape:
        raise ValueError(f"an ensemble {ensemble.shape} does not belong to a truth {truth.shape}")
    ordered = np.sort(ensemble, axis=0)
    weights = (2 * np.arange(1, size + 1) - size - 1) / size**2
    spread = np.tensordot(weights, ordered, axes=1)
    return _mean_absolute_error(ensemble, truth) - spread


def _mean_absolute_error(ensemble: NDArray, truth: NDArray) -> NDArray[np.float64]:
    total = np.zeros(truth.shape)
    wide = truth.astype(np.float64)
    for member in ensemble:
        total += np.abs(member - wide)
    return total / len(ensemble)
