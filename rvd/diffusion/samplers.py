"""Samplers: from noise to data, as plain functions of a denoiser.

A denoiser maps a noisy ``y`` (batch, …) and its step (batch,) to an estimate of y₀. It is the
common currency because it stays well conditioned where others do not: at the last steps √ᾱ is about
3e-5, so a noise prediction fixes y₀ only after a division by that, while the noise that y₀ implies
needs no such division.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from rvd.diffusion.schedule import Schedule

CleanEstimator = Callable[[Tensor, Tensor], Tensor]
NoiseSource = Callable[[Tensor], Tensor]


def ancestral(
    denoiser: CleanEstimator,
    prior: Tensor,
    schedule: Schedule,
    draw: NoiseSource,
    clip: float | None,
) -> Tensor:
    """Ancestral sampling over all steps: Algorithm 1 (right), without its two misprints.

    The mean is that of the posterior q(y_{n-1} | y_n, y₀) below equation 14, which equals
    (y_n − β_n/√(1−ᾱ_n)·ε)/√α_n, and the noise has its standard deviation
    √(β_n(1−ᾱ_{n-1})/(1−ᾱ_n)); the paper prints √ᾱ_n for √α_n, and no root.

    Args:
        denoiser: (y, step) → y₀.
        prior: (batch, …), drawn from N(0, 1).
        schedule: of N steps.
        draw: standard normal noise shaped as its argument.
        clip: y₀ is bounded to [−clip, clip] at each step; None leaves it.

    Returns:
        (batch, …), y₀.
    """
    y = prior
    beta, alpha_bar = schedule.beta, schedule.alpha_bar
    for step in reversed(range(len(schedule))):
        clean = _clean(denoiser, y, step, clip)
        if step == 0:
            # ᾱ_{-1} = 1: the posterior is y₀ itself, with no noise.
            return clean
        earlier = alpha_bar[step - 1]
        remaining = 1 - alpha_bar[step]
        of_clean = (earlier.sqrt() * beta[step] / remaining).to(y.dtype)
        of_noisy = ((1 - beta[step]).sqrt() * (1 - earlier) / remaining).to(y.dtype)
        deviation = (beta[step] * (1 - earlier) / remaining).sqrt().to(y.dtype)
        y = of_clean * clean + of_noisy * y + deviation * draw(y)
    raise AssertionError("unreachable: a schedule has at least one step")


def ddim(
    denoiser: CleanEstimator,
    prior: Tensor,
    schedule: Schedule,
    draw: NoiseSource,
    clip: float | None,
    *,
    steps: Sequence[int],
    eta: float,
) -> Tensor:
    """DDIM (Song, Meng and Ermon, 2021, equation 12) over some of the steps.

    With ``eta`` = 1 and all steps it is ancestral sampling; with 0 it adds no noise.

    Args:
        denoiser: (y, step) → y₀.
        prior: (batch, …), drawn from N(0, 1).
        schedule: of N steps.
        draw: standard normal noise shaped as its argument.
        clip: y₀ is bounded to [−clip, clip] at each step; None leaves it.
        steps: the steps taken, falling.
        eta: scale of the noise.

    Returns:
        (batch, …), y₀.
    """
    y = prior
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        clean = _clean(denoiser, y, step, clip)
        if following is None:
            return clean
        now, then = schedule.alpha_bar[step], schedule.alpha_bar[following]
        noise = (y - now.sqrt().to(y.dtype) * clean) / (1 - now).sqrt().to(y.dtype)
        deviation = eta * ((1 - then) / (1 - now) * (1 - now / then)).sqrt()
        direction = (1 - then - deviation**2).clamp(min=0).sqrt().to(y.dtype)
        y = then.sqrt().to(y.dtype) * clean + direction * noise
        if eta > 0:
            y = y + deviation.to(y.dtype) * draw(y)
    raise ValueError("ddim needs at least one step")


def dpm_solver(
    denoiser: CleanEstimator,
    prior: Tensor,
    schedule: Schedule,
    clip: float | None,
    *,
    steps: Sequence[int],
) -> Tensor:
    """DPM-Solver++(2M) (Lu et al., 2022, Algorithm 2): second order, no noise.

    Args:
        denoiser: (y, step) → y₀.
        prior: (batch, …), drawn from N(0, 1).
        schedule: of N steps.
        clip: y₀ is bounded to [−clip, clip] at each step; None leaves it.
        steps: the steps taken, falling; evenly spaced in log-SNR they serve best.

    Returns:
        (batch, …), y₀.
    """
    y, before = prior, None
    half_log_snr = schedule.log_snr() / 2
    for index, step in enumerate(steps):
        clean = _clean(denoiser, y, step, clip)
        if index == len(steps) - 1:
            return clean
        following = steps[index + 1]
        width = half_log_snr[following] - half_log_snr[step]
        direction = clean
        if before is not None:
            ratio = (half_log_snr[step] - half_log_snr[steps[index - 1]]) / width
            direction = clean + ((clean - before) / (2 * ratio)).to(y.dtype)
        now, then = schedule.alpha_bar[step], schedule.alpha_bar[following]
        kept = ((1 - then) / (1 - now)).sqrt().to(y.dtype)
        added = (-then.sqrt() * torch.expm1(-width)).to(y.dtype)
        y, before = kept * y + added * direction, clean
    raise ValueError("dpm_solver needs at least one step")


def log_snr_steps(schedule: Schedule, count: int, start_log_snr: float | None = None) -> list[int]:
    """``count`` steps evenly spaced in log ᾱ/(1−ᾱ) from a first one down to 0, without repeats.

    Args:
        schedule: of N steps.
        count: how many steps at the most.
        start_log_snr: begin at the noisiest step whose log-SNR is at least this; None begins at
            0.995·N, beyond which the cosine schedule's log-SNR falls off a cliff.
    """
    if start_log_snr is None:
        first = round(0.995 * (len(schedule) - 1))
    else:
        first = _first_step(schedule, start_log_snr)
    log_snr = schedule.log_snr()
    wanted = torch.linspace(
        float(log_snr[first]), float(log_snr[0]), count, dtype=torch.float64, device=log_snr.device
    )
    nearest = (log_snr[None] - wanted[:, None]).abs().argmin(1)
    return sorted({first, *nearest.tolist()}, reverse=True)


def uniform_steps(schedule: Schedule, count: int, start_log_snr: float | None = None) -> list[int]:
    """``count`` steps evenly spaced from a first one down to 0, without repeats.

    Args:
        schedule: of N steps.
        count: how many steps at the most.
        start_log_snr: begin at the noisiest step whose log ᾱ/(1−ᾱ) is at least this; None begins
            at step N − 1.
    """
    first = len(schedule) - 1 if start_log_snr is None else _first_step(schedule, start_log_snr)
    positions = torch.linspace(first, 0, count, dtype=torch.float64).round().long()
    return sorted(set(positions.tolist()), reverse=True)


def _first_step(schedule: Schedule, start_log_snr: float) -> int:
    clear_enough = torch.nonzero(schedule.log_snr() >= start_log_snr)
    return int(clear_enough.max()) if len(clear_enough) else 0


def _clean(denoiser: CleanEstimator, y: Tensor, step: int, clip: float | None) -> Tensor:
    clean = denoiser(y, torch.full((len(y),), step, device=y.device, dtype=torch.long))
    return clean if clip is None else clean.clamp(-clip, clip)
