"""The diffusion steps that a sampler takes, as decreasing lists.

Those of samplers of a diffusion end with step 0.

All functions have one signature, (schedule, count, start_log_snr), and serve as the spacing of a
sampler in :data:`rvd.diffusion.samplers.SAMPLERS`.
"""

from __future__ import annotations

import torch

from rvd.diffusion.schedule import Schedule


def every_step(schedule: Schedule, count: int, start_log_snr: float | None = None) -> list[int]:
    """Return all steps from N − 1 to 0; ``count`` and ``start_log_snr`` are not used."""
    return list(reversed(range(len(schedule))))


def uniform_steps(schedule: Schedule, count: int, start_log_snr: float | None = None) -> list[int]:
    """Return ``count`` steps evenly spaced in n, without repeats.

    Args:
        schedule: Variance schedule of N steps.
        count: Largest number of steps.
        start_log_snr: Log ᾱ/(1 − ᾱ) of the first step: the noisiest step with at least this is
            taken. None starts at step N − 1.
    """
    first = len(schedule) - 1 if start_log_snr is None else _first_step(schedule, start_log_snr)
    positions = torch.linspace(first, 0, count, dtype=torch.float64).round().long()
    return sorted(set(positions.tolist()), reverse=True)


def log_snr_steps(schedule: Schedule, count: int, start_log_snr: float | None = None) -> list[int]:
    """Return ``count`` steps evenly spaced in log ᾱ/(1 − ᾱ), without repeats.

    Args:
        schedule: Variance schedule of N steps.
        count: Largest number of steps.
        start_log_snr: Log ᾱ/(1 − ᾱ) of the first step: the noisiest step with at least this is
            taken. None starts at 0.995·N, because beyond it the cosine schedule's log-SNR falls
            too steeply.
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


def flow_steps(schedule: Schedule, count: int, start_log_snr: float | None = None) -> list[int]:
    """Return ``count`` steps evenly spaced in t from 1 to 1/count, without repeats.

    From the last of them a sampler reaches the data at t = 0, which is no step.

    Args:
        schedule: Straight schedule of N steps.
        count: Largest number of steps.
        start_log_snr: Not used.
    """
    length = len(schedule)
    return sorted(
        {max(round(length * k / count), 1) - 1 for k in range(1, count + 1)}, reverse=True
    )


def _first_step(schedule: Schedule, start_log_snr: float) -> int:
    clear_enough = torch.nonzero(schedule.log_snr() >= start_log_snr)
    return int(clear_enough.max()) if len(clear_enough) else 0
