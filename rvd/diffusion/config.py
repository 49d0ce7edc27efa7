"""The config sections of a diffusion model's objective and sampler."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from rvd.config.section import Section

# Objectives that have a name: the paper's, and that of the authors' published code.
PAPER = {"sigma": 2.0, "loss": "squared", "target": "noise", "mean_loss": 0.0, "step_of": "clip"}

OBJECTIVES = {"paper": PAPER, "official": PAPER | {"sigma": 1.0, "loss": "absolute"}}


def named_objective(value: Any) -> Any:
    """Return the objective named ``paper`` or ``official``; any other ``value`` is returned."""
    return OBJECTIVES.get(value, value) if isinstance(value, str) else value


class ObjectiveConfig(Section):
    """The objective of the diffusion (equations 9 and 10)."""

    sigma: PositiveFloat
    """σ, the unit of the residual (equation 5), for frames in [−1, 1]: 2 for RVD (section 3.2), 1
    for VD (section 3.6)."""
    target: Literal["noise", "velocity"] = "noise"
    """Prediction of the network: `noise` ε (equation 9) or `velocity` √ᾱ·ε − √(1−ᾱ)·y₀ (Salimans
    and Ho 2022)."""
    loss: Literal["squared", "absolute"] = "squared"
    """Error of the prediction: `squared` (equation 9) or `absolute` (the authors' code)."""
    mean_loss: NonNegativeFloat = 0.0
    """Weight of an additional squared error of μ itself; the paper has none (equation 9)."""
    step_of: Literal["clip", "frame"] = "clip"
    """Frames that share a diffusion step n in training: those of a `clip` (Algorithm 1), or none,
    with a step for each `frame`."""


class SamplerConfig(Section):
    """The sampler of residuals. A change of it does not repeat the training."""

    method: Literal["ancestral", "ddim", "dpm-solver"] = "ancestral"
    """`ancestral` (Algorithm 1, all N steps), `ddim` (Song et al. 2021) or `dpm-solver`
    (DPM-Solver++(2M), Lu et al. 2022)."""
    steps: PositiveInt | None = None
    """Steps of `ddim` (evenly spaced in n) and `dpm-solver` (in log-SNR), required for both."""
    eta: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Noise of `ddim`: 0 for none, 1 for that of ancestral sampling."""
    clip: PositiveFloat | None = 2.0
    """Bound of the implied residual y₀ at each step, in units of σ; null for none. Not stated in
    the paper; as in the authors' code."""
    start_log_snr: float | None = None
    """Start of `ddim` and `dpm-solver`, as log ᾱ/(1−ᾱ); null starts at step N."""

    @model_validator(mode="after")
    def _steps_belong_to_the_method(self) -> Self:
        if self.method != "ancestral" and self.steps is None:
            raise ValueError(f"method: {self.method} needs a number of steps")
        if self.method == "ancestral" and self.steps is not None:
            raise ValueError("method: ancestral takes all diffusion steps; leave steps out")
        return self
