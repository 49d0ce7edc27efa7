"""The config section of Retrospective Cycle GAN."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from rvd.config.section import Section
from rvd.config.trained import WindowModelConfig
from rvd.config.training import TrainingConfig

# The generator downsamples its input twice.
DIVISOR = 4


class RetroGanLossConfig(Section):
    """The weights of the generator's losses (Kwon and Park 2019, sections 3.3 and 4.1)."""

    image: NonNegativeFloat = 1.0
    """Weight of the absolute differences of real and predicted frames in [−1, 1]."""
    edge: NonNegativeFloat = 0.005
    """Weight of the same differences after a Laplacian of Gaussian."""
    frame: NonNegativeFloat = 0.003
    """Weight of the frame critic's score."""
    sequence: NonNegativeFloat = 0.003
    """Weight of the sequence critic's score."""


class RetroGanConfig(WindowModelConfig):
    """Retrospective Cycle GAN (Kwon and Park 2019).

    One generator predicts the next frame and, from reversed frames, the one before.
    """

    training: TrainingConfig
    """Budget and optimisation. `context` is the number of frames that the generator sees, `future`
    is 1, and the players are `generator` and `critics`."""
    kind: Literal["retrospective-cycle-gan"]
    """Retrospective Cycle GAN."""
    width: PositiveInt = 128
    """Channels of the generator's first convolution, as in its authors' code; its residual blocks
    have twice as many."""
    residual_blocks: NonNegativeInt = 9
    """Residual blocks of the generator."""
    critic_widths: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 128, 256, 512)
    """Channels of the critics' convolutions, each of which halves height and width."""
    loss: RetroGanLossConfig = RetroGanLossConfig()
    """Weights of the generator's losses."""

    @model_validator(mode="after")
    def _one_frame(self) -> Self:
        if self.training.future != 1:
            raise ValueError(
                "training.future: this model is trained on the one frame after its context; give 1"
            )
        return self

    def why_not_size(self, size: int) -> str | None:
        """Return the reason why the model cannot take images of ``size`` pixels, or None."""
        if size % DIVISOR:
            return f"width: its generator needs a multiple of {DIVISOR} pixels, not {size}"
        smallest = 2 ** (len(self.critic_widths) + 1)
        if size < smallest:
            return (
                f"critic_widths: {len(self.critic_widths)} downsamplings need {smallest} pixels or "
                f"more, not {size}; give fewer"
            )
        return super().why_not_size(size)
