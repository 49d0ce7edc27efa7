"""Retrospective Cycle GAN."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from rvd.config.section import Section
from rvd.config.trained import WindowModelConfig

# The generator halves its input twice.
DIVISOR = 4


class RetroGanLossConfig(Section):
    """Weights of the generator's losses (Kwon and Park 2019, section 3.3).

    ``image`` of the absolute differences, ``edge`` of those after a Laplacian of Gaussian, and
    ``frame`` and ``sequence`` of the two critics' verdicts.
    """

    image: NonNegativeFloat = 1.0
    edge: NonNegativeFloat = 0.005
    frame: NonNegativeFloat = 0.003
    sequence: NonNegativeFloat = 0.003


class RetroGanConfig(WindowModelConfig):
    """One generator for the next frame and, given the frames reversed, for the one before."""

    kind: Literal["retrospective-cycle-gan"]
    width: PositiveInt = 128
    residual_blocks: NonNegativeInt = 9
    critic_widths: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 128, 256, 512)
    loss: RetroGanLossConfig = RetroGanLossConfig()

    @model_validator(mode="after")
    def _one_frame(self) -> Self:
        if self.training.future != 1:
            raise ValueError(
                "training.future: this model is trained on the one frame after its context; give 1"
            )
        return self

    def why_not_size(self, size: int) -> str | None:
        """Why this model cannot take images of ``size`` pixels, or None."""
        if size % DIVISOR:
            return f"width: its generator needs a multiple of {DIVISOR} pixels, not {size}"
        smallest = 2 ** (len(self.critic_widths) + 1)
        if size < smallest:
            return (
                f"critic_widths: {len(self.critic_widths)} halvings leave nothing to judge of "
                f"{size} pixels; they need {smallest}"
            )
        return super().why_not_size(size)
