"""The continuous ranked probability score, pixel by pixel (section 3.4)."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Shaped
from numpy.typing import NDArray
from torch import Tensor

# Pixels whose members are sorted at once: a hundred members each stay in the processor's cache.
CHUNK = 4096


def crps(
    ensemble: Shaped[np.ndarray, "member ..."], truth: Shaped[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """CRPS of the ensemble's empirical distribution function: the paper's estimator.

    ∫(F̂(z) − 1{x ≤ z})² dz = mean|X_s − x| − Σ_s (2s − S − 1)·X_(s)/S², with X_(s) the sorted
    members, s from 1. On integer grey levels it equals the sum over 0…255. It is biased: its
    expectation is about (1 + 1/S) times that of the fair estimator, so S belongs to the score. The
    score of one member, or of equal ones, is the absolute error.

    Args:
        ensemble: (member, …), any unit, integers or floats.
        truth: (…), the same unit.

    Returns:
        (…), float64, in that unit, at least 0; smaller is better.

    Raises:
        ValueError: shapes differ, or there is no member.
    """
    _check(tuple(ensemble.shape), tuple(truth.shape), 1)
    return _by_chunks(ensemble, truth, len(ensemble) ** 2)


def fair_crps(
    ensemble: Shaped[np.ndarray, "member ..."], truth: Shaped[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """CRPS without the bias of few members (Ferro, 2014): S(S − 1) in place of :func:`crps`'s S².

    Its expectation is the same for every S, so that ensembles of different sizes may be compared;
    single values may be negative.

    Args:
        ensemble: (member, …), at least two members, any unit, integers or floats.
        truth: (…), the same unit.

    Returns:
        (…), float64, in that unit; smaller is better.

    Raises:
        ValueError: shapes differ, or there are fewer than two members.
    """
    size = len(ensemble)
    _check(tuple(ensemble.shape), tuple(truth.shape), 2)
    return _by_chunks(ensemble, truth, size * (size - 1))


def crps_on_device(
    ensemble: Shaped[Tensor, "member ..."], truth: Shaped[Tensor, "..."], fair: bool = False
) -> Float[Tensor, "..."]:
    """:func:`crps` or :func:`fair_crps` of tensors, computed where they are; float64.

    Meant for a GPU: on a CPU numpy sorts several times faster.
    """
    size = len(ensemble)
    _check(tuple(ensemble.shape), tuple(truth.shape), 2 if fair else 1)
    # Grey levels are exact in float32, which sorts faster than integers.
    exact = ensemble if ensemble.is_floating_point() else ensemble.float()
    ordered = exact.sort(0).values.double()
    error = (ordered - truth.double()).abs_().mean(0)
    weights = torch.from_numpy(_weights(size)).to(ordered.device)
    pairs = size * (size - 1) if fair else size**2
    return error - torch.tensordot(weights, ordered, 1) / pairs


def _check(ensemble: tuple[int, ...], truth: tuple[int, ...], least: int) -> None:
    if ensemble[0] < least or ensemble[1:] != truth:
        raise ValueError(
            f"an ensemble {ensemble} of at least {least} does not belong to a truth {truth}"
        )


def _weights(size: int) -> NDArray[np.float64]:
    return np.asarray(2.0 * np.arange(1, size + 1) - size - 1, np.float64)


def _by_chunks(ensemble: NDArray, truth: NDArray, pairs: int) -> NDArray[np.float64]:
    size = len(ensemble)
    members, targets = ensemble.reshape(size, -1), truth.reshape(-1)
    weights = _weights(size) / pairs
    scores = np.empty(targets.shape)
    # Grey levels are exact in float32, and sort several times faster as such than as integers.
    kind = ensemble.dtype if ensemble.dtype.kind == "f" else _exact(ensemble.dtype)
    for start in range(0, len(targets), CHUNK):
        part = slice(start, start + CHUNK)
        ordered = np.ascontiguousarray(members[:, part].T, kind)
        ordered.sort(axis=-1)
        wide = ordered.astype(np.float64)
        spread = wide @ weights
        wide -= targets[part, None]
        scores[part] = np.abs(wide, out=wide).mean(-1) - spread
    return scores.reshape(truth.shape)


def _exact(kind: np.dtype) -> np.dtype:
    """A floating type that holds every integer of ``kind``."""
    return np.dtype(np.float32 if kind.itemsize <= 2 else np.float64)
