"""The config section of FutureGAN, a progressively growing GAN."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)

from rvd.config.section import Section
from rvd.config.trained import Stage, WindowModelConfig
from rvd.config.training import TrainingConfig

# Height and width, in pixels, at which training starts.
SMALLEST = 4


class LevelConfig(Section):
    """One resolution of the growing networks."""

    width: PositiveInt
    """Channels at this resolution."""
    batch: PositiveInt
    """Clips per step and process while frames have this resolution; at their own size it is
    `training.batch`."""
    fading: NonNegativeInt
    """Steps over which this resolution is blended in; ignored at 4 pixels, the first one."""
    stable: PositiveInt
    """Steps after that, before the next resolution; the frame's own size has all remaining
    steps."""


class Growth(NamedTuple):
    """The growth of the networks at one step.

    Attributes:
        resolution: Height and width of the generated frames, in pixels.
        alpha: Weight, up to 1, of that resolution against the one before.
        transitions: Number of resolutions before.
        since: Step at which this resolution was added.
    """

    resolution: int
    alpha: float
    transitions: int
    since: int


class FutureGanConfig(WindowModelConfig):
    """FutureGAN (Aigner and Körner 2018, section 4).

    A deterministic generator of a block of frames and a critic grow together.
    """

    training: TrainingConfig
    """Budget and optimisation. `future` is the number of frames that are predicted at once, and the
    players are `generator` and `critics`."""
    kind: Literal["future-gan"]
    """Progressively growing GAN."""
    levels: dict[PositiveInt, LevelConfig]
    """Resolution in pixels (4, 8, …, up to the frame's size or beyond) → its networks and steps."""
    transition_rate: Annotated[float, Field(gt=0, le=1)] = 0.87
    """Factor of the learning rate at each growth; as in its authors' code."""
    gradient_penalty: NonNegativeFloat = 10.0
    """Weight in the critic's loss of the squared deviation of its gradient's norm from 1."""
    drift: NonNegativeFloat = 0.001
    """Weight in the critic's loss of its mean squared score of real clips."""
    reconstruction: NonNegativeFloat = 0.0
    """Weight of the forecast's absolute error, for frames in [−1, 1], in the generator's loss. The
    source has no such term; a training far shorter than the source's learns little from the critic
    alone."""

    @field_validator("levels")
    @classmethod
    def _each_doubles_the_last(cls, levels: dict[int, LevelConfig]) -> dict[int, LevelConfig]:
        wanted = [SMALLEST << index for index in range(len(levels))]
        if sorted(levels) != wanted or len(levels) < 2:
            raise ValueError(
                f"give {SMALLEST}, {2 * SMALLEST}, … pixels, each twice the one before"
            )
        return dict(sorted(levels.items()))

    @model_validator(mode="after")
    def _critic_sees_whole_batches(self) -> Self:
        if self.training.micro_batch:
            raise ValueError(
                "training.micro_batch: future-gan has none, since its critic compares the clips of "
                "a batch; leave it out, and give smaller levels.<resolution>.batch instead"
            )
        return self

    def remedy_of_memory(self, size: int) -> str:
        """Return the keys of the batches that need less memory when they are smaller."""
        return f"set a smaller training.batch.{size}, or levels.<resolution>.batch"

    def growth(self, step: int, size: int) -> Growth:
        """Return the growth of the networks at ``step`` (from 0), for frames of ``size`` pixels."""
        resolution, since, transitions = SMALLEST, 0, 0
        while resolution < size:
            until = since + self._fading(resolution) + self.levels[resolution].stable
            if step < until:
                break
            resolution, since, transitions = 2 * resolution, until, transitions + 1
        fading = self._fading(resolution)
        alpha = min((step - since + 1) / fading, 1.0) if fading else 1.0
        return Growth(resolution, alpha, transitions, since)

    def _fading(self, resolution: int) -> int:
        """Return the steps of blending in, none for the first resolution."""
        return 0 if resolution == SMALLEST else self.levels[resolution].fading

    def stage(self, step: int, size: int) -> Stage:
        """Return the resolution's batch; each growth lowers the rate and resets the optimisers."""
        growth = self.growth(step, size)
        grown = growth.resolution == size
        batch = self.training.batch[size] if grown else self.levels[growth.resolution].batch
        rate = self.transition_rate**growth.transitions
        return Stage(batch, rate, fresh=step == growth.since and growth.transitions > 0)

    def why_not_size(self, size: int) -> str | None:
        """Return the reason why the model cannot take images of ``size`` pixels, or None."""
        if size not in self.levels or size == SMALLEST:
            known = ", ".join(str(level) for level in list(self.levels)[1:])
            return f"levels: it grows to {known} pixels, not {size}"
        last = self.growth(self.training.steps - 1, size)
        if last.resolution < size or last.alpha < 1:
            return (
                f"training.steps: after {self.training.steps} it would have grown to "
                f"{last.resolution} of {size} pixels, blended in by {last.alpha:.2g}; give more "
                "steps, or shorter levels"
            )
        return super().why_not_size(size)
