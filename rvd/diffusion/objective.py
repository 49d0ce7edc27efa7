"""The objective of the diffusion (equation 9; Algorithm 1, left)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from rvd.diffusion.config import ObjectiveConfig
from rvd.diffusion.parameterization import PARAMETERIZATIONS
from rvd.diffusion.schedule import Schedule

# (y_n, step) → prediction, shaped as y_n.
Denoise = Callable[[Tensor, Tensor], Tensor]

# The error of a prediction, by its name in the config (``objective.loss``).
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared": F.mse_loss,
    "absolute": F.l1_loss,
}


def diffusion_loss(
    denoise: Denoise,
    clean: Float[Tensor, "batch ..."],
    noise: Float[Tensor, "batch ..."],
    step: Int[Tensor, " batch"],
    schedule: Schedule,
    objective: ObjectiveConfig,
) -> Float[Tensor, ""]:
    """Return the mean error of the denoiser's prediction (equation 9).

    Equation 9 is the mean of ‖ε − f_θ(√ᾱ_n·y₀ + √(1 − ᾱ_n)·ε, n)‖²; ``objective`` may replace ε
    by another target and the square by another loss.

    Args:
        denoise: The network f_θ as a function of y_n and n.
        clean: Clean values y₀.
        noise: Standard normal noise ε, shaped as ``clean``.
        step: Diffusion step n of each sample.
        schedule: Variance schedule.
        objective: Names of target and loss.
    """
    prediction = denoise(schedule.add_noise(clean, noise, step), step)
    target = PARAMETERIZATIONS[objective.target].target(clean, noise, schedule, step)
    return LOSSES[objective.loss](prediction, target)


def random_steps(
    objective: ObjectiveConfig, count: int, shape: tuple[int, ...], device: torch.device
) -> Int[Tensor, "..."]:
    """Return random diffusion steps from 0 to ``count`` − 1, from torch's default generator.

    Args:
        objective: Name of the distribution (``steps_from``).
        count: Number of diffusion steps N.
        shape: Shape of the result.
        device: Device of the result.
    """
    if objective.steps_from == "uniform":
        return torch.randint(count, shape, device=device)
    # The sigmoid of a standard normal number, in (0, 1) (Esser et al., 2024, section 3.1).
    position = torch.randn(shape, device=device).sigmoid()
    return (count * position).long().clamp(max=count - 1)
