"""How a model is trained."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from rvd.config.section import Section

Fraction = Annotated[float, Field(ge=0, le=1)]
Momentum = Annotated[float, Field(ge=0, lt=1)]


class LearningRateConfig(Section):
    """The learning rate at each step.

    ``initial`` after a linear ``warmup`` (steps), the values of ``drops`` from their steps on, and,
    where ``decay_from`` (a fraction of all steps) is given, a half cosine from there down to zero.
    """

    initial: PositiveFloat
    warmup: NonNegativeInt = 0
    drops: dict[PositiveInt, PositiveFloat] = Field(default_factory=dict)
    decay_from: Fraction | None = None


class AverageConfig(Section):
    """An exponential moving average of the weights: w ← decay·w + (1 − decay)·weights."""

    decay: Momentum
    every: PositiveInt = 1
    start: NonNegativeInt = 0


class PlayerConfig(Section):
    """How one of a model's players (a generator, its critics) is optimised apart from the others.

    ``rate`` is a factor of the learning rate, ``every`` how often it takes a step: 2 for a
    generator whose critics take two steps to its one.
    """

    rate: PositiveFloat = 1.0
    every: PositiveInt = 1


class TrainingConfig(Section):
    """The budget and the optimisation of one model (section 3.2).

    ``micro_batch`` gives, by image size, the clips of one forward and backward pass; the gradients
    of a batch's micro-batches are accumulated before the optimiser's step. A size that it does not
    name takes its batch at once. While it names none, it is left out of what is written down, so
    that files made before it existed still agree.
    """

    context: PositiveInt
    future: PositiveInt
    steps: PositiveInt
    batch: dict[PositiveInt, PositiveInt]
    micro_batch: dict[PositiveInt, PositiveInt] = Field(default_factory=dict)
    learning_rate: LearningRateConfig
    betas: tuple[Momentum, Momentum] = (0.9, 0.999)
    gradient_clip: PositiveFloat | None = None
    average: AverageConfig | None = None
    weights: Literal["raw", "average"] = "raw"
    precision: Literal["float32", "bfloat16"] = "float32"
    gradient_checkpointing: bool = False
    checkpoint_every: PositiveInt = 1000
    validate_every: PositiveInt = 10000
    journal_every: PositiveInt = 50
    workers: NonNegativeInt = 0
    weight_decay: NonNegativeFloat = 0.0
    players: dict[str, PlayerConfig] = Field(default_factory=dict)

    @property
    def clip_length(self) -> int:
        """Frames of a training clip."""
        return self.context + self.future

    @model_validator(mode="after")
    def _average_exists(self) -> Self:
        if self.weights == "average" and self.average is None:
            raise ValueError("weights: 'average' needs a moving average; set training.average")
        return self

    @model_validator(mode="after")
    def _micro_batches_divide(self) -> Self:
        for size, clips in self.micro_batch.items():
            if size not in self.batch:
                known = ", ".join(map(str, sorted(self.batch)))
                raise ValueError(
                    f"micro_batch.{size}: batch has no entry for images of {size} pixels (there "
                    f"are: {known})"
                )
            batch = self.batch[size]
            if batch % clips:
                divisors = ", ".join(str(n) for n in range(1, batch + 1) if batch % n == 0)
                raise ValueError(
                    f"micro_batch.{size}: {clips} clips do not divide the batch of {batch}; give "
                    f"one of {divisors}"
                )
        return self

    @model_serializer(mode="wrap")
    def _without_empty_micro_batch(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        if not self.micro_batch:
            values.pop("micro_batch", None)
        return values

    def training_fingerprint(self) -> dict[str, object]:
        """The values that the trained weights depend on: what a resumed training must agree in.

        ``micro_batch`` is not among them: accumulated gradients are those of the whole batch but
        for rounding, so that a training that ran out of memory can be resumed with smaller ones.
        A model with statistics of the batch adds it (``TrainedModelConfig.training_fingerprint``).
        """
        observing = {"checkpoint_every", "validate_every", "journal_every", "workers"}
        observing.add("micro_batch")
        return self.model_dump(mode="json", exclude=observing)
