"""Parameterizations: the quantity that a denoiser predicts, and the clean value it implies.

A parameterization is a pair of functions and an entry of :data:`PARAMETERIZATIONS`, by its name in
the config (``objective.target``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from rvd.diffusion.schedule import Schedule


@dataclass(frozen=True)
class Parameterization:
    """The target of a denoiser, and the way back from its prediction.

    Attributes:
        target: (y₀, ε, schedule, step) → the value that the denoiser learns to predict.
        clean: (y_n, prediction, schedule, step) → the y₀ that the prediction implies; the step is
            one for each sample, or a number for all.
    """

    target: Callable[[Tensor, Tensor, Schedule, Tensor], Tensor]
    clean: Callable[[Tensor, Tensor, Schedule, Tensor | int], Tensor]


def noise_target(clean: Tensor, noise: Tensor, schedule: Schedule, step: Tensor) -> Tensor:
    """Return ε itself, as in the paper (equation 9)."""
    return noise


def clean_from_noise(
    noisy: Tensor, noise: Tensor, schedule: Schedule, step: Tensor | int
) -> Tensor:
    """Return the y₀ that a noise prediction implies: (y_n − √(1 − ᾱ)·ε)/√ᾱ."""
    return (noisy - schedule.noise(step, noisy) * noise) / schedule.signal(step, noisy)


def velocity_target(clean: Tensor, noise: Tensor, schedule: Schedule, step: Tensor) -> Tensor:
    """Return the velocity v = √ᾱ·ε − √(1 − ᾱ)·y₀ (Salimans and Ho, 2022)."""
    return schedule.signal(step, clean) * noise - schedule.noise(step, clean) * clean


def clean_from_velocity(noisy: Tensor, v: Tensor, schedule: Schedule, step: Tensor | int) -> Tensor:
    """Return the y₀ that a velocity prediction implies: √ᾱ·y_n − √(1 − ᾱ)·v."""
    return schedule.signal(step, noisy) * noisy - schedule.noise(step, noisy) * v


def flow_target(clean: Tensor, noise: Tensor, schedule: Schedule, step: Tensor) -> Tensor:
    """Return the velocity ε − y₀ of the straight path from data to noise (Lipman et al., 2023)."""
    return noise - clean


def clean_from_flow(noisy: Tensor, v: Tensor, schedule: Schedule, step: Tensor | int) -> Tensor:
    """Return the y₀ that a velocity of the straight path implies: y_t − t·v."""
    return noisy - schedule.noise(step, noisy) * v


PARAMETERIZATIONS = {
    "noise": Parameterization(noise_target, clean_from_noise),
    "velocity": Parameterization(velocity_target, clean_from_velocity),
    "flow": Parameterization(flow_target, clean_from_flow),
}
