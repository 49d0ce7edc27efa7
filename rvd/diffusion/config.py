"""What a diffusion model learns and how it is sampled, as sections of the config."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from rvd.config.section import Section

# The whole objective in a word: as the paper states it, and as the authors' published code has it.
PAPER = {"sigma": 2.0, "loss": "squared", "target": "noise", "mean_loss": 0.0, "step_of": "clip"}

OBJECTIVES = {"paper": PAPER, "official": PAPER | {"sigma": 1.0, "loss": "absolute"}}


def named_objective(value: Any) -> Any:
    """What ``paper`` or ``official`` stands for; anything else is left as it is."""
    return OBJECTIVES.get(value, value) if isinstance(value, str) else value


class ObjectiveConfig(Section):
    """What the diffusion learns (equations 9 and 10).

    ``sigma`` scales the residual, ``target`` is what the network predicts (the noise, or the
    velocity √ᾱ·ε − √(1−ᾱ)·y₀), ``loss`` how its error counts, ``mean_loss`` the weight of an
    additional squared error of μ itself (zero in the paper), and ``step_of`` whether all frames of
    a clip share a diffusion step n (Algorithm 1) or each ``frame`` draws its own.
    """

    sigma: PositiveFloat
    target: Literal["noise", "velocity"] = "noise"
    loss: Literal["squared", "absolute"] = "squared"
    mean_loss: NonNegativeFloat = 0.0
    step_of: Literal["clip", "frame"] = "clip"


class SamplerConfig(Section):
    """How a residual is drawn.

    ``steps`` are spaced evenly in n by DDIM, and in log-SNR by DPM-Solver++. ``clip`` bounds the
    implied y₀ at each step, ``eta`` is the noise of DDIM (1: as ancestral sampling),
    ``start_log_snr`` where these two start (log ᾱ/(1−ᾱ)); null starts at step N.
    """

    method: Literal["ancestral", "ddim", "dpm-solver"] = "ancestral"
    steps: PositiveInt | None = None
    eta: Annotated[float, Field(ge=0, le=1)] = 1.0
    clip: PositiveFloat | None = 2.0
    start_log_snr: float | None = None

    @model_validator(mode="after")
    def _steps_belong_to_the_method(self) -> Self:
        if self.method != "ancestral" and self.steps is None:
            raise ValueError(f"method: {self.method} needs a number of steps")
        if self.method == "ancestral" and self.steps is not None:
            raise ValueError("method: ancestral takes all diffusion steps; leave steps out")
        return self
