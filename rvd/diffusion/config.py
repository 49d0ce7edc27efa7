"""The config sections of a diffusion model's objective and sampler."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from rvd.config.sampler import AnySamplerConfig
from rvd.config.section import Section
from rvd.config.training import Fraction

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
    target: Literal["noise", "velocity", "flow"] = "noise"
    """Prediction of the network: `noise` ε (equation 9), `velocity` √ᾱ·ε − √(1−ᾱ)·y₀ (Salimans and
    Ho 2022) or `flow`, the velocity ε − y₀ of the straight path (1 − t)·y₀ + t·ε (Lipman et al.
    2023), with N times t."""
    loss: Literal["squared", "absolute"] = "squared"
    """Error of the prediction: `squared` (equation 9) or `absolute` (the authors' code)."""
    mean_loss: NonNegativeFloat = 0.0
    """Weight of an additional squared error of μ itself; the paper has none (equation 9)."""
    step_of: Literal["clip", "frame"] = "clip"
    """Frames that share a diffusion step n in training: those of a `clip` (Algorithm 1), or none,
    with a step for each `frame`."""
    steps_from: Literal["uniform", "logit-normal"] = "uniform"
    """Distribution of the steps in training: `uniform` (Algorithm 1) or `logit-normal`, more often
    in the middle (Esser et al. 2024)."""

    @model_serializer(mode="wrap")
    def _without_default(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave `steps_from: uniform` out, as in files older than the key."""
        values: dict[str, Any] = serialize(self)
        if self.steps_from == "uniform":
            values.pop("steps_from", None)
        return values


class SamplerConfig(AnySamplerConfig):
    """The sampler of residuals. A change of it does not repeat the training."""

    method: Literal["ancestral", "ddim", "dpm-solver", "euler", "heun"] = "ancestral"
    """`ancestral` (Algorithm 1, all N steps), `ddim` (Song et al. 2021) or `dpm-solver`
    (DPM-Solver++(2M), Lu et al. 2022); for a model with the target `flow`: `euler`, or `heun` with
    two evaluations for each step but the last."""
    steps: PositiveInt | None = None
    """Steps of all methods but `ancestral`, for which they are required: evenly spaced in n
    (`ddim`), in log-SNR (`dpm-solver`) or in t (`euler`, `heun`)."""
    eta: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Noise of `ddim`: 0 for none, 1 for that of ancestral sampling."""
    clip: PositiveFloat | None = 2.0
    """Bound of the implied residual y₀ at each step, in units of σ; null for none. Not stated in
    the paper; as in the authors' code."""
    start_log_snr: float | None = None
    """Start of `ddim` and `dpm-solver`, as log ᾱ/(1−ᾱ); null starts at step N."""
    persistence: Fraction = 0.0
    """Correlation of the noise from which the residuals of consecutive frames start: 0 for
    independent noise, as in the paper. Noise that `ancestral` or `ddim` adds later stays
    independent."""

    @model_validator(mode="after")
    def _steps_belong_to_the_method(self) -> Self:
        if self.method != "ancestral" and self.steps is None:
            raise ValueError(f"method: {self.method} needs a number of steps")
        if self.method == "ancestral" and self.steps is not None:
            raise ValueError("method: ancestral takes all diffusion steps; leave steps out")
        return self

    def fingerprint(self) -> dict[str, Any]:
        """Return the values that forecasts depend on."""
        # Without a default that did not exist before, so that older forecasts stay valid.
        exclude = set() if self.persistence else {"persistence"}
        return self.model_dump(mode="json", exclude=exclude)

    @property
    def is_of_flow(self) -> bool:
        """True for a method that follows the velocity of the target `flow`."""
        return self.method in ("euler", "heun")

    @property
    def name(self) -> str:
        """Name of the method."""
        return self.method

    def details(self) -> dict[str, float | None]:
        """Return ``eta`` and ``clip``."""
        return {"eta": self.eta, "clip": self.clip}
