"""The config section of DVD-GAN, the dual video discriminator GAN, for frame prediction."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from rvd.config.trained import WindowModelConfig
from rvd.config.training import TrainingConfig

# Height and width, in pixels, at which the generator starts.
SMALLEST = 4
# The temporal critic downsamples its frames once before, and at least twice within.
LEAST = 32

Widths = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]


class DvdGanConfig(WindowModelConfig):
    """DVD-GAN (Clark et al. 2019, appendices A and B).

    A recurrent generator predicts a block of frames from context frames and noise; a spatial and a
    temporal critic compare it with real frames.
    """

    training: TrainingConfig
    """Budget and optimisation. `future` is the number of frames that are predicted at once, and the
    players are `generator` and `critics`."""
    kind: Literal["dvd-gan"]
    """Dual video discriminator GAN."""
    width: PositiveInt = 32
    """Unit of all widths, in channels; as in the third-party code that the paper compares with."""
    latent: PositiveInt = 120
    """Length of the noise vector of a block of frames."""
    multipliers: Widths = (8, 8, 8, 4, 2)
    """Multiples of `width` in the generator at 4 pixels, 8, …, the frame's size. Larger frames
    repeat the first, smaller ones leave the first ones out."""
    critic_multipliers: Widths = (2, 4, 8, 16)
    """Multiples of `width` in the critics and the context encoder at half of the frame's size, a
    quarter, …. Larger frames repeat the last."""
    recurrent_multipliers: Widths = (1, 2, 1)
    """Multiples of a scale's width, for each of the ConvGRUs stacked there; as in that code."""
    recurrent_kernels: Widths = (3, 5, 3)
    """Kernel sizes of the ConvGRUs' convolutions, odd; as in that code."""
    judged_frames: PositiveInt = 4
    """Future frames of a clip that the spatial critic sees, chosen at random at each step; as k in
    that code (the source has 8 of more frames)."""
    reconstruction: NonNegativeFloat = 0.0
    """Weight of the forecast's absolute error, for frames in [−1, 1], in the generator's loss. The
    source has no such term; a training far shorter than the source's learns little from critics
    alone."""

    @model_validator(mode="after")
    def _critics_have_enough_frames(self) -> Self:
        if self.judged_frames > self.training.future:
            raise ValueError(
                f"judged_frames: the spatial critic cannot choose {self.judged_frames} of "
                f"{self.training.future} future frames"
            )
        if self.training.clip_length % 4:
            raise ValueError(
                "training.future: the temporal critic downsamples time twice: context and future "
                f"together need a multiple of 4 frames, not {self.training.clip_length}"
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
        """True: of batch normalisation in the generator, and of spectral normalisation."""
        return True

    def why_not_size(self, size: int) -> str | None:
        """Return the reason why the model cannot take images of ``size`` pixels, or None."""
        if size < LEAST or size & (size - 1):
            return f"multipliers: it takes {LEAST}, {2 * LEAST}, {4 * LEAST}, … pixels, not {size}"
        return super().why_not_size(size)

    def widths(self, size: int) -> list[int]:
        """Return the generator's channels at 4 pixels, 8, …, ``size``."""
        levels = _doublings(size) + 1
        lacking = max(levels - len(self.multipliers), 0)
        padded = self.multipliers[:1] * lacking + self.multipliers
        return [self.width * multiplier for multiplier in padded[-levels:]]

    def critic_widths(self, size: int) -> list[int]:
        """Return a critic's channels at ``size``/2, ``size``/4, …, 4 pixels."""
        levels = _doublings(size)
        lacking = max(levels - len(self.critic_multipliers), 0)
        padded = self.critic_multipliers + self.critic_multipliers[-1:] * lacking
        return [self.width * multiplier for multiplier in padded[:levels]]


def _doublings(size: int) -> int:
    """Return the number of doublings from the smallest size to ``size``."""
    return (size // SMALLEST).bit_length() - 1
