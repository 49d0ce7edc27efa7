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
from itertools import pairwise
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from rvd.diffusion.config import SamplerConfig
from rvd.diffusion.schedule import Schedule
from rvd.diffusion.steps import every_step, log_snr_steps, uniform_steps

# (y_n (batch, …), step (batch,)) → estimate of y₀ (batch, …).
CleanEstimator = Callable[[Tensor, Tensor], Tensor]

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
            schedule: Variance schedule of N steps.
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
    beta, alpha_bar = schedule.beta, schedule.alpha_bar
    for step, following in pairwise(steps):
        clean = _clean(estimate, y, step)
        earlier = alpha_bar[following]
        remaining = 1 - alpha_bar[step]
        clean_weight = (earlier.sqrt() * beta[step] / remaining).to(y.dtype)
        noisy_weight = ((1 - beta[step]).sqrt() * (1 - earlier) / remaining).to(y.dtype)
        deviation = (beta[step] * (1 - earlier) / remaining).sqrt().to(y.dtype)
        y = clean_weight * clean + noisy_weight * y + deviation * noise(y)
    # ᾱ_{-1} = 1: the last posterior is y₀ itself, with no noise.
    return _clean(estimate, y, steps[-1])


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
    for step, following in pairwise(steps):
        clean = _clean(estimate, y, step)
        now, then = schedule.alpha_bar[step], schedule.alpha_bar[following]
        implied_noise = (y - now.sqrt().to(y.dtype) * clean) / (1 - now).sqrt().to(y.dtype)
        deviation = eta * ((1 - then) / (1 - now) * (1 - now / then)).sqrt()
        direction = (1 - then - deviation**2).clamp(min=0).sqrt().to(y.dtype)
        y = then.sqrt().to(y.dtype) * clean + direction * implied_noise
        if eta > 0:
            y = y + deviation.to(y.dtype) * noise(y)
    return _clean(estimate, y, steps[-1])


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
    half_log_snr = schedule.log_snr() / 2
    for index, (step, following) in enumerate(pairwise(steps)):
        clean = _clean(estimate, y, step)
        width = half_log_snr[following] - half_log_snr[step]
        direction = clean
        if before is not None:
            ratio = (half_log_snr[step] - half_log_snr[steps[index - 1]]) / width
            direction = clean + ((clean - before) / (2 * ratio)).to(y.dtype)
        now, then = schedule.alpha_bar[step], schedule.alpha_bar[following]
        noisy_weight = ((1 - then) / (1 - now)).sqrt().to(y.dtype)
        clean_weight = (-then.sqrt() * torch.expm1(-width)).to(y.dtype)
        y, before = noisy_weight * y + clean_weight * direction, clean
    return _clean(estimate, y, steps[-1])


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
    method = SAMPLERS[config.method]
    steps = method.spacing(schedule, config.steps or len(schedule), config.start_log_snr)
    estimate = clipped(estimate, config.clip)
    return method.sampler(estimate, prior, schedule, steps, noise, config.eta)


def clipped(estimate: CleanEstimator, clip: float | None) -> CleanEstimator:
    """Return ``estimate`` with its results bounded to [−clip, clip]; None leaves them."""
    if clip is None:
        return estimate
    return lambda y, step: estimate(y, step).clamp(-clip, clip)


def _clean(estimate: CleanEstimator, y: Tensor, step: int) -> Tensor:
    return estimate(y, torch.full((len(y),), step, device=y.device, dtype=torch.long))
