"""The objective of the diffusion (equation 9; Algorithm 1, left)."""

from __future__ import annotations

from collections.abc import Callable

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
