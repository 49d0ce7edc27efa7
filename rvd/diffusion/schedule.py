"""Schedules: how much of the data and of the noise there is at each step (section 2.1).

Steps count from 0 to N − 1 here, where the paper counts from 1 to N.
"""

from __future__ import annotations

import math
from functools import cached_property

import torch
from jaxtyping import Float64, Int
from torch import Tensor, nn


class Schedule(nn.Module):
    """The signal and the noise in y_n = signal·y₀ + noise·ε at each step, in float64.

    Args:
        signals: Factors of y₀ (step,), decreasing.
        noises: Factors of ε (step,), increasing.
    """

    signals: Float64[Tensor, " step"]
    noises: Float64[Tensor, " step"]

    def __init__(self, signals: Tensor, noises: Tensor) -> None:
        super().__init__()
        # Kept where they were computed: samplers read them as numbers, without waiting for a GPU.
        self._levels = signals, noises
        device = torch.get_default_device()
        for name, values in zip(("signals", "noises"), self._levels, strict=True):
            self.register_buffer(name, values.to(device), persistent=False)

    def __len__(self) -> int:
        return len(self.signals)

    @cached_property
    def signal_numbers(self) -> list[float]:
        """The signal of every step as numbers, read once."""
        return self._levels[0].tolist()

    @cached_property
    def noise_numbers(self) -> list[float]:
        """The noise of every step as numbers, read once."""
        return self._levels[1].tolist()

    def signal(self, step: Int[Tensor, " batch"] | int, like: Tensor) -> Tensor | float:
        """Return the signal of each sample's step, shaped to multiply ``like`` (batch, …).

        For one step of all samples, given as a number, it is a number.
        """
        if isinstance(step, int):
            return self.signal_numbers[step]
        return self._shaped(self.signals[step], like)

    def noise(self, step: Int[Tensor, " batch"] | int, like: Tensor) -> Tensor | float:
        """Return the noise of each sample's step, shaped to multiply ``like`` (batch, …).

        For one step of all samples, given as a number, it is a number.
        """
        if isinstance(step, int):
            return self.noise_numbers[step]
        return self._shaped(self.noises[step], like)

    def add_noise(self, clean: Tensor, noise: Tensor, step: Int[Tensor, " batch"]) -> Tensor:
        """Return y_n = signal·y₀ + noise·ε.

        Args:
            clean: y₀ (batch, …).
            noise: ε, standard normal, shaped as ``clean``.
            step: Diffusion step of each sample.
        """
        return self.signal(step, clean) * clean + self.noise(step, clean) * noise

    def log_snr(self) -> Float64[Tensor, " step"]:
        """Return log signal²/noise² of every step, decreasing.

        It is computed where the schedule was built, for samplers to choose their steps from.
        """
        signals, noises = self._levels
        return 2 * (torch.log(signals) - torch.log(noises))

    @staticmethod
    def _shaped(value: Tensor, like: Tensor) -> Tensor:
        return value.to(like.dtype).view(-1, *[1] * (like.ndim - 1))


class VarianceSchedule(Schedule):
    """A schedule of variances β_n: signal √ᾱ_n and noise √(1 − ᾱ_n), with ᾱ_n = Π(1 − β_i).

    In float64, because ᾱ_N is about 1e-9.

    Args:
        beta: Variances (step,) in (0, 1).
    """

    def __init__(self, beta: Tensor) -> None:
        beta = beta.double()
        alpha_bar = torch.cumprod(1 - beta, 0)
        super().__init__(alpha_bar.sqrt(), (1 - alpha_bar).sqrt())
        self.beta, self.alpha_bar = beta, alpha_bar

    @cached_property
    def beta_numbers(self) -> list[float]:
        """β of every step as numbers, read once."""
        return self.beta.tolist()

    @cached_property
    def alpha_bar_numbers(self) -> list[float]:
        """ᾱ of every step as numbers, read once."""
        return self.alpha_bar.tolist()

    def log_snr(self) -> Float64[Tensor, " step"]:
        """Return log ᾱ/(1 − ᾱ) of every step, which falls from about 10 to about −20."""
        return torch.log(self.alpha_bar) - torch.log1p(-self.alpha_bar)


def cosine_schedule(steps: int, offset: float = 0.008, largest: float = 0.999) -> VarianceSchedule:
    """Return the cosine schedule of Nichol and Dhariwal, as the paper uses it (after equation 8).

    Args:
        steps: Number of diffusion steps N.
        offset: The offset s, which keeps β small at the first steps.
        largest: Upper bound of β.
    """
    # On the CPU whatever the default device, so that samplers can read the values.
    position = torch.arange(steps + 1, dtype=torch.float64, device="cpu") / steps
    squared = torch.cos((position + offset) / (1 + offset) * math.pi / 2) ** 2
    return VarianceSchedule((1 - squared[1:] / squared[:-1]).clamp(0, largest))


def straight_schedule(steps: int) -> Schedule:
    """Return the straight path of flow matching: signal 1 − t and noise t, t = 1/N, 2/N, …, 1.

    Args:
        steps: Number of steps N, the resolution of t.
    """
    t = torch.arange(1, steps + 1, dtype=torch.float64, device="cpu") / steps
    return Schedule(1 - t, t)
