"""Compiled loops of :mod:`rvd.metrics.functional.multivariate.variogram`."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def weighted_sum(
    members: Any,
    truths: Any,
    frame: int,
    offsets: Any,
    weights: Any,
    order: float,
    scratch: Any,
) -> float:
    """Return the weighted sum of a frame's squared errors over all pairs of pixels.

    Args:
        members: Members (member, frame, row, value), with the channels of a pixel side by side.
        truths: Recorded frames (frame, row, value).
        frame: Frame.
        offsets: Offsets of the pairs (pair, 2), in rows and in values.
        weights: Weights of the pairs (pair).
        order: Order p.
        scratch: Memory for two rows.
    """
    size, _, height, width = members.shape
    first, second = scratch[0], scratch[1]
    total = 0.0
    for k in range(len(offsets)):
        down, right = offsets[k]
        count = width - abs(right)
        if count <= 0:
            continue
        one, other = max(-right, 0), max(right, 0)
        for row in range(height - down):
            first[:count] = 0
            second[:count] = 0
            for s in range(size):
                here, there = members[s, frame, row], members[s, frame, row + down]
                _add(here[one:][:count], there[other:][:count], order, first, second)
            here, there = truths[frame, row], truths[frame, row + down]
            error = _errors(here[one:][:count], there[other:][:count], order, size, first, second)
            total += weights[k] * error
    return total


@numba.njit(nogil=True, cache=True)
def _add(here: Any, there: Any, order: float, first: Any, second: Any) -> None:
    """Add |difference|^p of one member to ``first``, and its square to ``second``."""
    if order == 0.5:  # many times faster than a power
        for p in range(here.size):
            value = abs(np.float64(here[p]) - np.float64(there[p]))
            first[p] += np.sqrt(value)
            second[p] += value
    else:
        for p in range(here.size):
            value = abs(np.float64(here[p]) - np.float64(there[p])) ** order
            first[p] += value
            second[p] += value * value


@numba.njit(nogil=True, cache=True)
def _errors(here: Any, there: Any, order: float, size: int, first: Any, second: Any) -> float:
    """Return the sum of (truth − mean)² − variance / S over the pairs of a row."""
    total = 0.0
    for p in range(here.size):
        mean = first[p] / size
        variance = (second[p] - first[p] * mean) / (size - 1)
        error = abs(np.float64(here[p]) - np.float64(there[p])) ** order - mean
        total += error * error - variance / size
    return total
