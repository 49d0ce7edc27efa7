"""Residual Video Diffusion and its ablation VD."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from rvd.config.section import Section
from rvd.config.trained import TrainedModel, problem_of_halving

# The whole objective in a word: as the paper states it, and as the authors' published code has it.
PAPER = {"sigma": 2.0, "loss": "squared", "target": "noise", "mean_loss": 0.0, "step_of": "clip"}
OBJECTIVES = {"paper": PAPER, "official": PAPER | {"sigma": 1.0, "loss": "absolute"}}


def named_objective(value: Any) -> Any:
    """What ``paper`` or ``official`` stands for; anything else is left as it is."""
    return OBJECTIVES.get(value, value) if isinstance(value, str) else value


class Network(Section):
    """Widths of RVD's three networks at one image size (Table 3)."""

    width: Annotated[int, Field(ge=8, multiple_of=8)]
    denoiser_multipliers: tuple[PositiveInt, ...] = Field(min_length=2)
    transform_multipliers: tuple[PositiveInt, ...] = Field(min_length=2)

    @property
    def divisor(self) -> int:
        """The image's height and width must be multiples of this (the down-sampling)."""
        levels = max(len(self.denoiser_multipliers), len(self.transform_multipliers))
        return 2 ** (levels - 1)


class Objective(Section):
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


class Sampler(Section):
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


class ResidualDiffusion(TrainedModel):
    """RVD, and with ``residual: false`` (μ = 0) its ablation VD."""

    checkpointed: ClassVar[bool] = True

    kind: Literal["rvd"]
    residual: bool = True
    networks: dict[PositiveInt, Network]
    diffusion_steps: Annotated[int, Field(ge=2)]
    objective: Objective
    sampler: Sampler = Sampler()

    @field_validator("objective", mode="before")
    @classmethod
    def _named_objective(cls, value: Any) -> Any:
        return named_objective(value)

    @model_validator(mode="after")
    def _no_more_steps_than_there_are(self) -> Self:
        if (self.sampler.steps or 0) > self.diffusion_steps:
            raise ValueError(
                f"sampler.steps: {self.sampler.steps} are more than the {self.diffusion_steps} "
                "diffusion_steps"
            )
        return self

    def decisive(self) -> dict[str, object]:
        """What the trained weights depend on: all but the sampler."""
        own = self.model_dump(mode="json", exclude={"sampler", "training", "on"})
        return {**own, "training": self.training.decisive()}

    def forecasting(self) -> dict[str, object]:
        """The sampler."""
        return self.sampler.model_dump(mode="json")

    def problem_at(self, size: int) -> str | None:
        """Why this model cannot take images of ``size`` pixels, or None."""
        return problem_of_halving(self.networks, size) or super().problem_at(size)
