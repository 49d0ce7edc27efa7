"""The variance schedule of the diffusion (section 2.1).

Steps count from 0 to N − 1 here, where the paper counts from 1 to N.
"""

from __future__ import annotations

import math
from functools import cached_property

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
        # Kept where they were computed: samplers read them as numbers, without waiting for a GPU.
        self._variances = beta, torch.cumprod(1 - beta, 0)
        device = torch.get_default_device()
        for name, values in zip(("beta", "alpha_bar"), self._variances, strict=True):
            self.register_buffer(name, values.to(device), persistent=False)

    def __len__(self) -> int:
        return len(self.beta)

    @cached_property
    def beta_numbers(self) -> list[float]:
        """β of every step as numbers, read once."""
        return self._variances[0].tolist()

    @cached_property
    def alpha_bar_numbers(self) -> list[float]:
        """ᾱ of every step as numbers, read once."""
        return self._variances[1].tolist()

    @cached_property
    def _signals(self) -> list[float]:
        return self._variances[1].sqrt().tolist()

    @cached_property
    def _noises(self) -> list[float]:
        return (1 - self._variances[1]).sqrt().tolist()

    def signal(self, step: Int[Tensor, " batch"] | int, like: Tensor) -> Tensor | float:
        """Return √ᾱ of each sample's step, shaped to multiply ``like`` (batch, …).

        For one step of all samples, given as a number, it is a number.
        """
        if isinstance(step, int):
            return self._signals[step]
        return self._shaped(self.alpha_bar[step].sqrt(), like)

    def noise(self, step: Int[Tensor, " batch"] | int, like: Tensor) -> Tensor | float:
        """Return √(1 − ᾱ) of each sample's step, shaped to multiply ``like`` (batch, …).

        For one step of all samples, given as a number, it is a number.
        """
        if isinstance(step, int):
            return self._noises[step]
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
        """Return log ᾱ/(1 − ᾱ) of every step, which falls from about 10 to about −20.

        It is computed where the schedule was built, for samplers to choose their steps from.
        """
        alpha_bar = self._variances[1]
        return torch.log(alpha_bar) - torch.log1p(-alpha_bar)

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
    # On the CPU whatever the default device, so that samplers can read the values.
    position = torch.arange(steps + 1, dtype=torch.float64, device="cpu") / steps
    squared = torch.cos((position + offset) / (1 + offset) * math.pi / 2) ** 2
    return Schedule((1 - squared[1:] / squared[:-1]).clamp(0, largest))
