"""DVD-GAN, the dual video discriminator GAN, for frame prediction."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from rvd.config.trained import WindowModelConfig

# Generators begin at this many pixels.
SMALLEST = 4
# The temporal critic halves its frames once before, and at least twice within.
LEAST = 32

Widths = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]


class DvdGanConfig(WindowModelConfig):
    """A recurrent generator of a block of frames, given frames and noise, and two critics.

    Widths are multiples of ``width``: ``multipliers`` of the generator at 4 pixels, 8, and so on up
    to the frame's size (counted from the end: larger frames repeat the first, smaller ones leave
    some out), ``critic_multipliers`` of the critics and the context's encoder at half of the
    frame's size, a quarter, and so on (larger frames repeat the last). The ConvGRUs stacked at each
    scale have ``recurrent_multipliers`` of its width, and ``recurrent_kernels``.

    ``reconstruction`` is the weight of an absolute error of the forecast, none in the source; a
    training far shorter than the source's learns little from critics alone.
    """

    kind: Literal["dvd-gan"]
    width: PositiveInt = 32
    latent: PositiveInt = 120
    multipliers: Widths = (8, 8, 8, 4, 2)
    critic_multipliers: Widths = (2, 4, 8, 16)
    recurrent_multipliers: Widths = (1, 2, 1)
    recurrent_kernels: Widths = (3, 5, 3)
    judged_frames: PositiveInt = 4
    reconstruction: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _critics_can_judge(self) -> Self:
        if self.judged_frames > self.training.future:
            raise ValueError(
                f"judged_frames: the spatial critic cannot draw {self.judged_frames} of "
                f"{self.training.future} future frames"
            )
        if self.training.clip_length % 4:
            raise ValueError(
                "training.future: the temporal critic halves time twice: context and future need "
                f"a multiple of 4 frames together, not {self.training.clip_length}"
            )
        return self

    @model_validator(mode="after")
    def _recurrence_fits(self) -> Self:
        if len(self.recurrent_kernels) != len(self.recurrent_multipliers):
            raise ValueError("recurrent_kernels: give one for each of recurrent_multipliers")
        if any(kernel % 2 == 0 for kernel in self.recurrent_kernels):
            raise ValueError("recurrent_kernels: even ones would move the frame; give odd ones")
        return self

    @property
    def has_batch_statistics(self) -> bool:
        """The generator's batch normalisation, and the steps of spectral normalisation."""
        return True

    def why_not_size(self, size: int) -> str | None:
        """Why this model cannot take images of ``size`` pixels, or None."""
        if size < LEAST or size & (size - 1):
            return f"multipliers: it takes {LEAST}, {2 * LEAST}, {4 * LEAST}, … pixels, not {size}"
        return super().why_not_size(size)

    def widths(self, size: int) -> list[int]:
        """The generator's channels at 4 pixels, 8, …, ``size``."""
        levels = _doublings(size) + 1
        lacking = max(levels - len(self.multipliers), 0)
        padded = self.multipliers[:1] * lacking + self.multipliers
        return [self.width * multiplier for multiplier in padded[-levels:]]

    def critic_widths(self, size: int) -> list[int]:
        """A critic's channels at ``size``/2, ``size``/4, …, 4 pixels."""
        levels = _doublings(size)
        lacking = max(levels - len(self.critic_multipliers), 0)
        padded = self.critic_multipliers + self.critic_multipliers[-1:] * lacking
        return [self.width * multiplier for multiplier in padded[:levels]]


def _doublings(size: int) -> int:
    """How often the smallest size is doubled to give ``size``."""
    return (size // SMALLEST).bit_length() - 1
