"""The weights of each sampler's steps as numbers, computed once in float64.

As numbers they are arguments of a step's operations on images. As tensors, each would need some
operations of its own on the device, for every step of every frame.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import torch

from rvd.diffusion.schedule import Schedule, VarianceSchedule

# Schedules and choices of steps whose weights are kept: those of a tuning and more.
KEPT = 64


class AncestralWeights(NamedTuple):
    """The weights of y₀, y_n and the noise in the posterior q(y_{n-1} | y_n, y₀)."""

    clean: float
    noisy: float
    deviation: float


class DdimWeights(NamedTuple):
    """The weights of DDIM.

    Attributes:
        signal: √ᾱ of the step.
        noise: √(1 − ᾱ) of the step.
        clean: Weight of y₀ in the following y.
        direction: Weight of the implied noise.
        deviation: Standard deviation of the added noise.
    """

    signal: float
    noise: float
    clean: float
    direction: float
    deviation: float


class DpmSolverWeights(NamedTuple):
    """The weights of y_n and of the estimate of y₀, and the divisor of the estimates' change."""

    noisy: float
    clean: float
    extrapolation: float


@lru_cache(maxsize=KEPT)
def ancestral_weights(schedule: Schedule, steps: tuple[int, ...]) -> list[AncestralWeights]:
    """Return the weights of each step but the last (Algorithm 1, right)."""
    variances = _variances(schedule)
    betas, alpha_bars = variances.beta_numbers, variances.alpha_bar_numbers
    found = []
    for step, following in pairwise(steps):
        beta, earlier, remaining = betas[step], alpha_bars[following], 1 - alpha_bars[step]
        clean = _sqrt(earlier) * beta / remaining
        noisy = _sqrt(1 - beta) * (1 - earlier) / remaining
        found.append(AncestralWeights(clean, noisy, _sqrt(beta * (1 - earlier) / remaining)))
    return found


@lru_cache(maxsize=KEPT)
def ddim_weights(schedule: Schedule, steps: tuple[int, ...], eta: float) -> list[DdimWeights]:
    """Return the weights of each step but the last (Song et al. 2021, equation 12)."""
    variances = _variances(schedule)
    alpha_bars = variances.alpha_bar_numbers
    found = []
    for step, following in pairwise(steps):
        now, then = alpha_bars[step], alpha_bars[following]
        deviation = eta * _sqrt((1 - then) / (1 - now) * (1 - now / then))
        direction = _sqrt(max(1 - then - deviation * deviation, 0.0))
        found.append(DdimWeights(_sqrt(now), _sqrt(1 - now), _sqrt(then), direction, deviation))
    return found


@lru_cache(maxsize=KEPT)
def dpm_solver_weights(schedule: Schedule, steps: tuple[int, ...]) -> list[DpmSolverWeights]:
    """Return the weights of each step but the last (Lu et al. 2022, Algorithm 2)."""
    variances = _variances(schedule)
    alpha_bars = variances.alpha_bar_numbers
    half_log_snr: list[float] = (schedule.log_snr() / 2).tolist()
    found, before = [], math.nan
    for step, following in pairwise(steps):
        now, then = alpha_bars[step], alpha_bars[following]
        width = half_log_snr[following] - half_log_snr[step]
        ratio = (half_log_snr[step] - before) / width
        growth = float(torch.expm1(_tensor(-width)))
        noisy = _sqrt((1 - then) / (1 - now))
        found.append(DpmSolverWeights(noisy, -_sqrt(then) * growth, 2 * ratio))
        before = half_log_snr[step]
    return found


def _variances(schedule: Schedule) -> VarianceSchedule:
    if not isinstance(schedule, VarianceSchedule):
        raise ValueError("this sampler needs a schedule of variances")
    return schedule


def _sqrt(value: float) -> float:
    """Return torch's square root, which differs from Python's in the last bit of some values."""
    return float(_tensor(value).sqrt())


def _tensor(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64, device="cpu")
