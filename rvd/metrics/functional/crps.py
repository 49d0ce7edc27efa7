"""The continuous ranked probability score, pixel by pixel (section 3.4)."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Shaped
from numpy.typing import NDArray
from torch import Tensor

from rvd.metrics.functional.sorted_sums import sums


def crps(
    ensemble: Shaped[np.ndarray, "member ..."], truth: Shaped[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Return the CRPS of the ensemble's empirical distribution: the paper's estimator.

    ∫(F̂(z) − 1{x ≤ z})² dz = mean|X_s − x| − Σ_s (2s − S − 1)·X_(s)/S², with X_(s) the sorted
    members, s from 1. On integer grey levels it equals the sum over 0…255. It is biased: its
    expectation is about (1 + 1/S) times that of the fair estimator, so S belongs to the score. The
    score of one member, or of equal ones, is the absolute error.

    Args:
        ensemble: Forecasts, (member, …), in any unit, integers or floats.
        truth: Recorded values, (…), in the same unit.

    Returns:
        CRPS, (…), float64, in that unit, at least 0; smaller is better.

    Raises:
        ValueError: Shapes differ, or there is no member.
    """
    check_shapes(tuple(ensemble.shape), tuple(truth.shape), 1)
    return _scores(ensemble, truth, len(ensemble) ** 2)


def fair_crps(
    ensemble: Shaped[np.ndarray, "member ..."], truth: Shaped[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Return the CRPS without the bias of few members: S(S − 1) in place of :func:`crps`'s S².

    Its expectation is the same for every S, so that ensembles of different sizes may be compared;
    single values may be negative (Ferro, 2014).

    Args:
        ensemble: Forecasts, (member, …), at least two members, in any unit, integers or floats.
        truth: Recorded values, (…), in the same unit.

    Returns:
        CRPS, (…), float64, in that unit; smaller is better.

    Raises:
        ValueError: Shapes differ, or there are fewer than two members.
    """
    size = len(ensemble)
    check_shapes(tuple(ensemble.shape), tuple(truth.shape), 2)
    return _scores(ensemble, truth, size * (size - 1))


def crps_on_device(
    ensemble: Shaped[Tensor, "member ..."], truth: Shaped[Tensor, "..."], fair: bool = False
) -> Float[Tensor, "..."]:
    """Return :func:`crps` or :func:`fair_crps` of tensors, computed on their device.

    Meant for a GPU: on a CPU those functions are many times faster.

    Args:
        ensemble: Forecasts, (member, …), in any unit, integers or floats.
        truth: Recorded values, (…), in the same unit and on the same device.
        fair: Return the fair CRPS.

    Returns:
        CRPS, (…), float64, in that unit.

    Raises:
        ValueError: Shapes differ, or there are too few members.
    """
    size = len(ensemble)
    check_shapes(tuple(ensemble.shape), tuple(truth.shape), 2 if fair else 1)
    # Grey levels are exact in float32, which sorts faster than integers.
    exact = ensemble if ensemble.is_floating_point() else ensemble.float()
    ordered = exact.sort(0).values.double()
    error = (ordered - truth.double()).abs_().mean(0)
    weights = 2.0 * torch.arange(1, size + 1, device=ordered.device) - size - 1
    pairs = size * (size - 1) if fair else size**2
    return error - torch.tensordot(weights.double(), ordered, 1) / pairs


def check_shapes(ensemble: tuple[int, ...], truth: tuple[int, ...], least: int) -> None:
    """Check that an ensemble has the shape of its truth, after the axis of its members.

    Args:
        ensemble: Shape of the ensemble.
        truth: Shape of the truth.
        least: Smallest number of members.

    Raises:
        ValueError: It has not, or there are fewer members.
    """
    if ensemble[0] < least or ensemble[1:] != truth:
        raise ValueError(
            f"an ensemble {ensemble} of at least {least} does not belong to a truth {truth}"
        )


def _scores(ensemble: NDArray, truth: NDArray, pairs: int) -> NDArray[np.float64]:
    """Return mean|X_s − x| − Σ_{s<t}|X_s − X_t| / ``pairs``."""
    size = len(ensemble)
    errors, differences = sums(ensemble.reshape(size, -1), truth.ravel(), torch.get_num_threads())
    return (errors / size - differences / pairs).reshape(truth.shape)
