"""Residual Video Diffusion and its ablation VD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    PositiveInt,
    field_validator,
    model_validator,
)

from rvd.config.section import Section
from rvd.config.trained import TrainedModelConfig, why_no_downsampling
from rvd.diffusion.config import ObjectiveConfig, SamplerConfig, named_objective


class RvdNetworkConfig(Section):
    """Widths of RVD's three networks at one image size (Table 3)."""

    width: Annotated[int, Field(ge=8, multiple_of=8)]
    denoiser_multipliers: tuple[PositiveInt, ...] = Field(min_length=2)
    transform_multipliers: tuple[PositiveInt, ...] = Field(min_length=2)

    @property
    def divisor(self) -> int:
        """The image's height and width must be multiples of this (the down-sampling)."""
        levels = max(len(self.denoiser_multipliers), len(self.transform_multipliers))
        return 2 ** (levels - 1)


class RvdConfig(TrainedModelConfig):
    """RVD, and with ``residual: false`` (μ = 0) its ablation VD."""

    checkpointed: ClassVar[bool] = True

    kind: Literal["rvd"]
    residual: bool = True
    networks: dict[PositiveInt, RvdNetworkConfig]
    diffusion_steps: Annotated[int, Field(ge=2)]
    objective: ObjectiveConfig
    sampler: SamplerConfig = SamplerConfig()

    @classmethod
    def expand(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return ``values`` with an objective that is named in a word written out."""
        if "objective" not in values:
            return values
        return {**values, "objective": named_objective(values["objective"])}

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

    def training_fingerprint(self) -> dict[str, Any]:
        """What the trained weights depend on: all but the sampler."""
        own = self.model_dump(mode="json", exclude={"sampler", "training", "on"})
        return {**own, "training": self.training.training_fingerprint()}

    def sampling_fingerprint(self) -> dict[str, Any]:
        """The sampler."""
        return self.sampler.model_dump(mode="json")

    def why_not_size(self, size: int) -> str | None:
        """Why this model cannot take images of ``size`` pixels, or None."""
        return why_no_downsampling(self.networks, size) or super().why_not_size(size)
