"""Samplers: from noise to data, as functions of one signature (:class:`Sampler`).

Samplers see the network as an estimate of the clean value y₀, whatever it predicts. That estimate
stays well conditioned where others do not: at the noisiest steps √ᾱ is about 3e-5, so y₀ follows
from a noise prediction only after a division by it, while the noise that y₀ implies needs no such
division.

A new sampler is a function, an entry of :data:`SAMPLERS`, and its name in
:class:`rvd.diffusion.config.SamplerConfig`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Protocol, runtime_checkable

from torch import Tensor

from rvd.diffusion.config import SamplerConfig
from rvd.diffusion.schedule import Schedule
from rvd.diffusion.steps import every_step, flow_steps, log_snr_steps, uniform_steps
from rvd.diffusion.weights import ancestral_weights, ddim_weights, dpm_solver_weights

# (y_n (batch, …), step of all samples) → estimate of y₀ (batch, …).
CleanEstimator = Callable[[Tensor, int], Tensor]

# Standard normal noise, shaped as the argument.
NoiseSource = Callable[[Tensor], Tensor]

# (schedule, count, start_log_snr) → decreasing steps.
Spacing = Callable[[Schedule, int, float | None], list[int]]


@runtime_checkable
class Sampler(Protocol):
    """The signature of all samplers."""

    def __call__(
        self,
        estimate: CleanEstimator,
        prior: Tensor,
        schedule: Schedule,
        steps: Sequence[int],
        noise: NoiseSource,
        eta: float = 1.0,
    ) -> Tensor:
        """Return a sample of y₀ (batch, …).

        Args:
            estimate: Estimate of y₀ from y_n and n.
            prior: Standard normal noise (batch, …), the sampler's first y.
            schedule: Schedule of N steps.
            steps: Diffusion steps to take, at least one, decreasing.
            noise: Source of the noise that is added between steps.
            eta: Scale of that noise: 0 for none, 1 for as much as ancestral sampling adds. Only
                samplers with a choice use it.
        """
        ...


def ancestral(
    estimate: CleanEstimator,
    prior: Tensor,
    schedule: Schedule,
    steps: Sequence[int],
    noise: NoiseSource,
    eta: float = 1.0,
) -> Tensor:
    """Return a sample by ancestral sampling (Algorithm 1, right, without its two misprints).

    The mean is that of the posterior q(y_{n-1} | y_n, y₀) below equation 14, which equals
    (y_n − β_n/√(1−ᾱ_n)·ε)/√α_n, and the noise has its standard deviation
    √(β_n(1−ᾱ_{n-1})/(1−ᾱ_n)); the paper prints √ᾱ_n for √α_n, and no root.

    The arguments are those of :class:`Sampler`; ``eta`` is not used.

    Raises:
        ValueError: ``steps`` are not all steps of the schedule.
    """
    if list(steps) != every_step(schedule, len(schedule)):
        raise ValueError("ancestral sampling takes every step of the schedule")
    y = prior
    for step, weights in zip(steps, ancestral_weights(schedule, tuple(steps)), strict=False):
        y = weights.clean * estimate(y, step) + weights.noisy * y + weights.deviation * noise(y)
    # ᾱ_{-1} = 1: the last posterior is y₀ itself, with no noise.
    return estimate(y, steps[-1])


def ddim(
    estimate: CleanEstimator,
    prior: Tensor,
    schedule: Schedule,
    steps: Sequence[int],
    noise: NoiseSource,
    eta: float = 1.0,
) -> Tensor:
    """Return a sample by DDIM (Song, Meng and Ermon, 2021, equation 12).

    With ``eta`` = 1 and all steps it is ancestral sampling; with 0 it adds no noise.

    The arguments are those of :class:`Sampler`.
    """
    y = prior
    for step, weights in zip(steps, ddim_weights(schedule, tuple(steps), eta), strict=False):
        clean = estimate(y, step)
        implied_noise = (y - weights.signal * clean) / weights.noise
        y = weights.clean * clean + weights.direction * implied_noise
        if eta > 0:
            y = y + weights.deviation * noise(y)
    return estimate(y, steps[-1])


def dpm_solver(
    estimate: CleanEstimator,
    prior: Tensor,
    schedule: Schedule,
    steps: Sequence[int],
    noise: NoiseSource,
    eta: float = 1.0,
) -> Tensor:
    """Return a sample by DPM-Solver++(2M) (Lu et al., 2022, Algorithm 2): second order, no noise.

    Steps evenly spaced in log-SNR serve it best.

    The arguments are those of :class:`Sampler`; ``noise`` and ``eta`` are not used.
    """
    y, before = prior, None
    for step, weights in zip(steps, dpm_solver_weights(schedule, tuple(steps)), strict=False):
        clean = estimate(y, step)
        direction = clean
        if before is not None:
            direction = clean + (clean - before) / weights.extrapolation
        y, before = weights.noisy * y + weights.clean * direction, clean
    return estimate(y, steps[-1])


def euler(
    estimate: CleanEstimator,
    prior: Tensor,
    schedule: Schedule,
    steps: Sequence[int],
    noise: NoiseSource,
    eta: float = 1.0,
) -> Tensor:
    """Return a sample by following the straight path's velocity in steps of first order.

    One step returns the network's first estimate. The arguments are those of :class:`Sampler`, with
    a straight schedule; ``noise`` and ``eta`` are not used.
    """
    y, times = prior, schedule.noise_numbers
    for step, following in pairwise(steps):
        velocity = (y - estimate(y, step)) / times[step]
        y = y + (times[following] - times[step]) * velocity
    return estimate(y, steps[-1])


def heun(
    estimate: CleanEstimator,
    prior: Tensor,
    schedule: Schedule,
    steps: Sequence[int],
    noise: NoiseSource,
    eta: float = 1.0,
) -> Tensor:
    """Return a sample by following the velocity in steps of second order, but the last.

    K steps take 2K − 1 evaluations: the last step has no correction, as there is no velocity to
    evaluate at the data (Karras et al., 2022, Algorithm 1). The arguments are those of
    :func:`euler`.
    """
    y, times = prior, schedule.noise_numbers
    for step, following in pairwise(steps):
        change = times[following] - times[step]
        velocity = (y - estimate(y, step)) / times[step]
        ahead = y + change * velocity
        corrected = (ahead - estimate(ahead, following)) / times[following]
        y = y + change * (velocity + corrected) / 2
    return estimate(y, steps[-1])


@dataclass(frozen=True)
class SamplingMethod:
    """A sampler and the spacing of its steps."""

    sampler: Sampler
    spacing: Spacing


# By the name in the config (``sampler.method``).
SAMPLERS: dict[str, SamplingMethod] = {
    "ancestral": SamplingMethod(ancestral, every_step),
    "ddim": SamplingMethod(ddim, uniform_steps),
    "dpm-solver": SamplingMethod(dpm_solver, log_snr_steps),
    "euler": SamplingMethod(euler, flow_steps),
    "heun": SamplingMethod(heun, flow_steps),
}


def sample(
    config: SamplerConfig,
    estimate: CleanEstimator,
    prior: Tensor,
    schedule: Schedule,
    noise: NoiseSource,
) -> Tensor:
    """Return a sample of y₀ (batch, …) by the sampler that ``config`` describes.

    Args:
        config: The config's section, with method, number of steps, ``clip`` and ``eta``.
        estimate: Estimate of y₀ from y_n and n.
        prior: Standard normal noise (batch, …).
        schedule: Variance schedule.
        noise: Source of the noise that is added between steps.
    """
    sampler, steps = SAMPLERS[config.method].sampler, _chosen_steps(config, schedule)
    estimate = clipped(estimate, config.clip)
    return sampler(estimate, prior, schedule, steps, noise, config.eta)


@lru_cache(maxsize=32)
def _chosen_steps(config: SamplerConfig, schedule: Schedule) -> list[int]:
    """Return the steps of a sampler, which are the same for each frame of a forecast."""
    spacing = SAMPLERS[config.method].spacing
    return spacing(schedule, config.steps or len(schedule), config.start_log_snr)


def clipped(estimate: CleanEstimator, clip: float | None) -> CleanEstimator:
    """Return ``estimate`` with its results bounded to [−clip, clip]; None leaves them."""
    if clip is None:
        return estimate
    return lambda y, step: estimate(y, step).clamp(-clip, clip)
