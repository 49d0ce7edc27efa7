"""How a model is trained."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from rvd.config.section import Section

Fraction = Annotated[float, Field(ge=0, le=1)]
Momentum = Annotated[float, Field(ge=0, lt=1)]


class LearningRate(Section):
    """The learning rate at each step.

    ``initial`` after a linear ``warmup`` (steps), the values of ``drops`` from their steps on, and,
    where ``decay_from`` (a fraction of all steps) is given, a half cosine from there down to zero.
    """

    initial: PositiveFloat
    warmup: NonNegativeInt = 0
    drops: dict[PositiveInt, PositiveFloat] = Field(default_factory=dict)
    decay_from: Fraction | None = None


class ExponentialAverage(Section):
    """An exponential moving average of the weights: w ← decay·w + (1 − decay)·weights."""

    decay: Momentum
    every: PositiveInt = 1
    start: NonNegativeInt = 0


class Player(Section):
    """How one of a model's players (a generator, its critics) is optimised apart from the others.

    ``rate`` is a factor of the learning rate, ``every`` how often it takes a step: 2 for a
    generator whose critics take two steps to its one.
    """

    rate: PositiveFloat = 1.0
    every: PositiveInt = 1


class Training(Section):
    """The budget and the optimisation of one model (section 3.2)."""

    context: PositiveInt
    future: PositiveInt
    steps: PositiveInt
    batch: dict[PositiveInt, PositiveInt]
    learning_rate: LearningRate
    betas: tuple[Momentum, Momentum] = (0.9, 0.999)
    gradient_clip: PositiveFloat | None = None
    average: ExponentialAverage | None = None
    weights: Literal["raw", "average"] = "raw"
    precision: Literal["float32", "bfloat16"] = "float32"
    gradient_checkpointing: bool = False
    checkpoint_every: PositiveInt = 1000
    validate_every: PositiveInt = 10000
    journal_every: PositiveInt = 50
    workers: NonNegativeInt = 0
    weight_decay: NonNegativeFloat = 0.0
    players: dict[str, Player] = Field(default_factory=dict)

    @property
    def clip_length(self) -> int:
        """Frames of a training clip."""
        return self.context + self.future

    @model_validator(mode="after")
    def _average_exists(self) -> Self:
        if self.weights == "average" and self.average is None:
            raise ValueError("weights: 'average' needs a moving average; set training.average")
        return self

    def decisive(self) -> dict[str, object]:
        """The values that the trained weights depend on: what a resumed training must agree in."""
        observing = {"checkpoint_every", "validate_every", "journal_every", "workers"}
        return self.model_dump(mode="json", exclude=observing)
