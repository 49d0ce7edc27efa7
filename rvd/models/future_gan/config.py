"""FutureGAN, which grows."""

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

# Height and width at which training begins.
SMALLEST = 4


class LevelConfig(Section):
    """One resolution of the growing networks.

    ``width`` is its number of channels; a training spends ``fading`` steps on blending it in and
    ``stable`` steps with it before the next one comes, with ``batch`` clips a process. Of the
    frame's own size ``stable`` and ``batch`` do not count: it has the steps that are left, and
    ``training.batch``.
    """

    width: PositiveInt
    batch: PositiveInt
    fading: NonNegativeInt
    stable: PositiveInt


class Growth(NamedTuple):
    """How far the networks have grown: to ``resolution``, blended in by ``alpha`` (1: wholly).

    ``transitions`` counts the resolutions before; at step ``since`` this one came.
    """

    resolution: int
    alpha: float
    transitions: int
    since: int


class FutureGanConfig(WindowModelConfig):
    """A deterministic generator of a block of frames and a critic that grow together.

    ``transition_rate`` is the factor of the learning rate at each growth, ``gradient_penalty`` and
    ``drift`` weigh terms of the critic's loss. ``reconstruction`` is the weight of an absolute
    error of the forecast, none in the source; a training far shorter than the source's learns
    little from the critic alone.
    """

    kind: Literal["future-gan"]
    levels: dict[PositiveInt, LevelConfig]
    transition_rate: Annotated[float, Field(gt=0, le=1)] = 0.87
    gradient_penalty: NonNegativeFloat = 10.0
    drift: NonNegativeFloat = 0.001
    reconstruction: NonNegativeFloat = 0.0

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
        """Smaller batches, of the frame's own size and of the resolutions before it."""
        return f"set a smaller training.batch.{size}, or levels.<resolution>.batch"

    def growth(self, step: int, size: int) -> Growth:
        """How far the networks have grown at step ``step`` (from 0), for frames of ``size``."""
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
        """The smallest resolution has none to be blended with."""
        return 0 if resolution == SMALLEST else self.levels[resolution].fading

    def stage(self, step: int, size: int) -> Stage:
        """The batch of the resolution, a lower rate and a fresh optimiser at each growth."""
        growth = self.growth(step, size)
        grown = growth.resolution == size
        batch = self.training.batch[size] if grown else self.levels[growth.resolution].batch
        rate = self.transition_rate**growth.transitions
        return Stage(batch, rate, fresh=step == growth.since and growth.transitions > 0)

    def why_not_size(self, size: int) -> str | None:
        """Why this model cannot take images of ``size`` pixels, or None."""
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
