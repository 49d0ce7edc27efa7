"""The config section of Residual Video Diffusion and its ablation VD."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    PositiveInt,
    field_validator,
    model_validator,
)

from rvd.config.sampler import AnySamplerConfig
from rvd.config.section import Section
from rvd.config.trained import TrainedModelConfig, why_no_downsampling
from rvd.diffusion.config import ObjectiveConfig, SamplerConfig, named_objective

# What samplers are chosen from.
SAMPLER_STEPS = (2, 3, 5, 8, 12, 20, 32)
CLAMP_BOUNDS = (1.0, 2.0)


class RvdNetworkConfig(Section):
    """The widths of RVD's three networks at one frame size (Table 3)."""

    width: Annotated[int, Field(ge=8, multiple_of=8)]
    """Channels of the first level, a multiple of 8; give 16 or more (with 8, the 8 groups of the
    normalisation would be single channels)."""
    denoiser_multipliers: tuple[PositiveInt, ...] = Field(min_length=2)
    """Multiples of `width` at each level of the denoiser and the context encoder."""
    transform_multipliers: tuple[PositiveInt, ...] = Field(min_length=2)
    """Multiples of `width` at each level of the next-frame predictor μ."""

    @property
    def divisor(self) -> int:
        """The number of which the image's height and width must be multiples."""
        levels = max(len(self.denoiser_multipliers), len(self.transform_multipliers))
        return 2 ** (levels - 1)


class RvdConfig(TrainedModelConfig):
    """Residual Video Diffusion (RVD), and with `residual: false` its ablation VD."""

    checkpointed: ClassVar[bool] = True

    kind: Literal["rvd"]
    """Residual Video Diffusion, the paper's model."""
    residual: bool = True
    """Predict the mean of the next frame by a network μ (RVD); false sets μ = 0 (VD, section
    3.6)."""
    networks: dict[PositiveInt, RvdNetworkConfig]
    """Widths of the networks, by frame size in pixels (Table 3)."""
    diffusion_steps: Annotated[int, Field(ge=2)]
    """N, the number of diffusion steps: 1600 (section 3.2)."""
    objective: ObjectiveConfig
    """Objective of the diffusion. A name stands for all of it: `paper`, or `official` for the
    choices of the authors' published code."""
    sampler: SamplerConfig = SamplerConfig()
    """Sampler of the residuals; a change of it does not repeat the training."""

    @classmethod
    def expand(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return ``values`` with a named objective written out in full."""
        if "objective" not in values:
            return values
        return {**values, "objective": named_objective(values["objective"])}

    @field_validator(
        "objective",
        mode="before",
        json_schema_input_type=Literal["paper", "official"] | ObjectiveConfig,
    )
    @classmethod
    def _named_objective(cls, value: Any) -> Any:
        return named_objective(value)

    @model_validator(mode="after")
    def _sampler_fits(self) -> Self:
        if problem := self.why_not_sampler(self.sampler):
            raise ValueError(problem)
        return self

    def evaluations(self, sampler: AnySamplerConfig) -> int:
        """Return the number of network evaluations per frame that ``sampler`` takes."""
        assert isinstance(sampler, SamplerConfig)
        steps = sampler.steps or self.diffusion_steps
        return 2 * steps - 1 if sampler.method == "heun" else steps

    def sampler_candidates(
        self, most_steps: int, numbers: Sequence[int] | None = None
    ) -> list[AnySamplerConfig]:
        """Return the samplers that fit the target, each with both clamp bounds."""
        least = min(most_steps, self.diffusion_steps)
        affordable = [n for n in numbers or SAMPLER_STEPS if n <= least]
        found: list[AnySamplerConfig] = []
        if self.objective.target == "flow":
            for steps in dict.fromkeys((1, *affordable)):
                for clip in CLAMP_BOUNDS:
                    found.append(SamplerConfig(method="euler", steps=steps, clip=clip))
                    if steps > 1:
                        found.append(SamplerConfig(method="heun", steps=steps, clip=clip))
            return found
        for steps in affordable:
            for clip in CLAMP_BOUNDS:
                found.append(SamplerConfig(method="ddim", steps=steps, eta=1.0, clip=clip))
                found.append(SamplerConfig(method="ddim", steps=steps, eta=0.0, clip=clip))
                found.append(SamplerConfig(method="dpm-solver", steps=steps, clip=clip))
        return [*found, SamplerConfig(method="ancestral", clip=CLAMP_BOUNDS[-1])]

    def why_not_sampler(self, sampler: SamplerConfig) -> str | None:
        """Return the reason why the model cannot be sampled by ``sampler``, or None."""
        if (sampler.steps or 0) > self.diffusion_steps:
            return (
                f"sampler.steps: {sampler.steps} are more than the {self.diffusion_steps} "
                "diffusion_steps"
            )
        is_flow = self.objective.target == "flow"
        if sampler.is_of_flow != is_flow:
            fitting = "euler or heun" if is_flow else "ancestral, ddim or dpm-solver"
            return (
                f"sampler.method: {sampler.method} does not fit a model with objective.target: "
                f"{self.objective.target}; give {fitting}"
            )
        return None

    def training_fingerprint(self) -> dict[str, Any]:
        """Return the values that the trained weights depend on: all but the sampler."""
        own = self.model_dump(mode="json", exclude={"sampler", "training", "on"})
        return {**own, "training": self.training.training_fingerprint()}

    def sampling_fingerprint(self) -> dict[str, Any]:
        """Return the values of the sampler."""
        return self.sampler.fingerprint()

    def budget(self) -> list[str]:
        """Return training steps, and diffusion steps N with the sampler, in words."""
        steps = f" in {self.sampler.steps} steps" if self.sampler.steps else ""
        diffusion = f"N = {self.diffusion_steps:,}, {self.sampler.method}{steps}"
        return [*super().budget(), diffusion]

    def why_not_size(self, size: int) -> str | None:
        """Return the reason why the model cannot take images of ``size`` pixels, or None."""
        return why_no_downsampling(self.networks, size) or super().why_not_size(size)
