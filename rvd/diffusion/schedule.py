"""The variance schedule of the diffusion (section 2.1), and what a network may predict of it.

Steps count from 0 to N − 1 here, where the paper counts from 1 to N.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float64, Int
from torch import Tensor, nn


class Schedule(nn.Module):
    """β_n of each step, and ᾱ_n = Π(1 − β_i), kept in float64: ᾱ_N is about 1e-9.

    Args:
        beta: (step,) in (0, 1).
    """

    beta: Float64[Tensor, " step"]
    alpha_bar: Float64[Tensor, " step"]

    def __init__(self, beta: Tensor) -> None:
        super().__init__()
        beta = beta.double()
        self.register_buffer("beta", beta, persistent=False)
        self.register_buffer("alpha_bar", torch.cumprod(1 - beta, 0), persistent=False)

    def __len__(self) -> int:
        return len(self.beta)

    def signal(self, step: Int[Tensor, " batch"], like: Tensor) -> Tensor:
        """√ᾱ of each sample's step, shaped to multiply ``like`` (batch, …)."""
        return self._shaped(self.alpha_bar[step].sqrt(), like)

    def noise(self, step: Int[Tensor, " batch"], like: Tensor) -> Tensor:
        """√(1 − ᾱ) of each sample's step, shaped to multiply ``like`` (batch, …)."""
        return self._shaped((1 - self.alpha_bar[step]).sqrt(), like)

    def log_snr(self) -> Float64[Tensor, " step"]:
        """Log ᾱ/(1 − ᾱ) of every step: falls from about 10 to about −20."""
        return torch.log(self.alpha_bar) - torch.log1p(-self.alpha_bar)

    @staticmethod
    def _shaped(value: Tensor, like: Tensor) -> Tensor:
        return value.to(like.dtype).view(-1, *[1] * (like.ndim - 1))


def cosine_schedule(steps: int, offset: float = 0.008, largest: float = 0.999) -> Schedule:
    """The cosine schedule of Nichol and Dhariwal, as the paper uses it (after equation 8).

    Args:
        steps: N.
        offset: s, which keeps β small at the first steps.
        largest: β is clipped to this.
    """
    position = torch.arange(steps + 1, dtype=torch.float64) / steps
    squared = torch.cos((position + offset) / (1 + offset) * math.pi / 2) ** 2
    return Schedule((1 - squared[1:] / squared[:-1]).clamp(0, largest))


def velocity(clean: Tensor, noise: Tensor, schedule: Schedule, step: Tensor) -> Tensor:
    """V = √ᾱ·ε − √(1 − ᾱ)·y₀ (Salimans and Ho, 2022)."""
    return schedule.signal(step, clean) * noise - schedule.noise(step, clean) * clean


def clean_from_noise(noisy: Tensor, noise: Tensor, schedule: Schedule, step: Tensor) -> Tensor:
    """The y₀ that a noise prediction implies: (y_n − √(1 − ᾱ)·ε)/√ᾱ."""
    return (noisy - schedule.noise(step, noisy) * noise) / schedule.signal(step, noisy)


def clean_from_velocity(noisy: Tensor, v: Tensor, schedule: Schedule, step: Tensor) -> Tensor:
    """The y₀ that a velocity prediction implies: √ᾱ·y_n − √(1 − ᾱ)·v."""
    return schedule.signal(step, noisy) * noisy - schedule.noise(step, noisy) * v
