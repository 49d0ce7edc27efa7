"""The variance schedule of the diffusion (section 2.1).

Steps count from 0 to N − 1 here, where the paper counts from 1 to N.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float64, Int
from torch import Tensor, nn


class Schedule(nn.Module):
    """β_n of each step, and ᾱ_n = Π(1 − β_i), in float64 because ᾱ_N is about 1e-9.

    Args:
        beta: Variances (step,) in (0, 1).
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
        """Return √ᾱ of each sample's step, shaped to multiply ``like`` (batch, …)."""
        return self._shaped(self.alpha_bar[step].sqrt(), like)

    def noise(self, step: Int[Tensor, " batch"], like: Tensor) -> Tensor:
        """Return √(1 − ᾱ) of each sample's step, shaped to multiply ``like`` (batch, …)."""
        return self._shaped((1 - self.alpha_bar[step]).sqrt(), like)

    def add_noise(self, clean: Tensor, noise: Tensor, step: Int[Tensor, " batch"]) -> Tensor:
        """Return y_n = √ᾱ·y₀ + √(1 − ᾱ)·ε.

        Args:
            clean: y₀ (batch, …).
            noise: ε, standard normal, shaped as ``clean``.
            step: Diffusion step of each sample.
        """
        return self.signal(step, clean) * clean + self.noise(step, clean) * noise

    def log_snr(self) -> Float64[Tensor, " step"]:
        """Return log ᾱ/(1 − ᾱ) of every step, which falls from about 10 to about −20."""
        return torch.log(self.alpha_bar) - torch.log1p(-self.alpha_bar)

    @staticmethod
    def _shaped(value: Tensor, like: Tensor) -> Tensor:
        return value.to(like.dtype).view(-1, *[1] * (like.ndim - 1))


def cosine_schedule(steps: int, offset: float = 0.008, largest: float = 0.999) -> Schedule:
    """Return the cosine schedule of Nichol and Dhariwal, as the paper uses it (after equation 8).

    Args:
        steps: Number of diffusion steps N.
        offset: The offset s, which keeps β small at the first steps.
        largest: Upper bound of β.
    """
    position = torch.arange(steps + 1, dtype=torch.float64) / steps
    squared = torch.cos((position + offset) / (1 + offset) * math.pi / 2) ** 2
    return Schedule((1 - squared[1:] / squared[:-1]).clamp(0, largest))
