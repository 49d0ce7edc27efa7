"""The training of a model."""

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
# Keys that observe a training, or bound its records, and are younger than the first files.
LATER = (
    "journal_entries",
    "tensorboard_entries",
    "pictures",
    "checkpoint_minutes",
    "validation_steps",
)


class LearningRateConfig(Section):
    """The learning rate at each step."""

    initial: PositiveFloat
    """Rate after the warm-up."""
    warmup: NonNegativeInt = 0
    """Steps over which the rate rises linearly from zero. The paper has none."""
    drops: dict[PositiveInt, PositiveFloat] = Field(default_factory=dict)
    """Step → rate from that step on. RVD drops once, at half of its steps (section 3.2)."""
    decay_from: Fraction | None = None
    """Fraction of all steps after which the rate falls to zero as half a cosine; null for never.
    The paper has no such decay."""


class AverageConfig(Section):
    """An exponential moving average: average ← decay · average + (1 − decay) · weights.

    The paper does not mention one; RVD's values in `config.yaml` are those of the authors' code.
    """

    decay: Momentum
    """Weight of the average at each update."""
    every: PositiveInt = 1
    """Steps from update to update."""
    start: NonNegativeInt = 0
    """First step that is averaged."""


class PlayerConfig(Section):
    """The optimisation of one of a model's players: a generator or its critics."""

    rate: PositiveFloat = 1.0
    """Factor of the learning rate."""
    every: PositiveInt = 1
    """Steps from update to update of this player: 2 for a generator whose critics are updated twice
    as often."""


class TrainingConfig(Section):
    """The budget and the optimisation of a model, with Adam (section 3.2)."""

    context: PositiveInt
    """Context frames of a training clip: 2 for RVD (section 3.2)."""
    future: PositiveInt
    """Frames after the context, over which the loss is averaged: 6 for RVD (section 3.2)."""
    steps: PositiveInt
    """Gradient steps: 1,000,000 for all models of the paper (section 3.2)."""
    batch: dict[PositiveInt, PositiveInt]
    """Clips per step and process, by frame size in pixels: 8 at 64 and 4 at 128 for RVD (section
    3.2)."""
    micro_batch: dict[PositiveInt, PositiveInt] = Field(default_factory=dict)
    """Clips of one forward and backward pass, by frame size in pixels, a divisor of `batch`.
    Gradient accumulation: less memory gives the same step and effective batch, which is `batch` ×
    processes (`docs/models.md` lists the differences for `svg-lp` with `normalisation: batch` and
    for `dvd-gan`; `future-gan` has none). Sizes without an entry process their batch at once."""
    learning_rate: LearningRateConfig
    """Learning rate at each step."""
    betas: tuple[Momentum, Momentum] = (0.9, 0.999)
    """β₁ and β₂ of Adam; the paper states none, and these are Adam's defaults."""
    gradient_clip: PositiveFloat | None = None
    """Largest norm of the gradient; null for no bound, as in the paper."""
    average: AverageConfig | None = None
    """Exponential moving average of the weights; null for none."""
    weights: Literal["raw", "average"] = "raw"
    """Weights that are tested: the `raw` ones or their `average`."""
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    """Arithmetic; `bfloat16` applies to convolutions and matrix products only. `auto` is `bfloat16`
    where the device has it in hardware and `float32` elsewhere; a resumed training keeps the choice
    that it started with. Weights then depend on the machine: not for results to be compared."""
    gradient_checkpointing: bool = False
    """Compute blocks again in the backward pass instead of storing their values: less memory, more
    time. For kinds `rvd`, `svg-lp` and `ivrnn`."""
    checkpoint_every: PositiveInt = 1000
    """Steps from checkpoint to checkpoint."""
    checkpoint_minutes: PositiveFloat | None = None
    """Minutes from checkpoint to checkpoint, in addition to those by steps; null for none."""
    validate_every: PositiveInt = 10000
    """Steps from one picture of validation forecasts to the next."""
    validation_steps: PositiveInt = 20
    """Largest number of diffusion steps of each frame in those pictures, for kind `rvd`: a sampler
    with more is replaced by DDIM. The tests' forecasts do not depend on it."""
    journal_every: PositiveInt = 50
    """Steps from entry to entry of the journal, and from check to check of the losses."""
    journal_entries: PositiveInt = 20000
    """Largest number of entries of the journal and of the training curve. Those of a longer
    training are further apart, by a multiple of `journal_every`."""
    tensorboard_entries: PositiveInt = 2000
    """Largest number of points of each of TensorBoard's curves, which are journal entries."""
    pictures: PositiveInt = 20
    """Largest number of pictures of validation forecasts that are kept: evenly spread ones, and the
    newest."""
    workers: NonNegativeInt = 0
    """Processes that read clips ahead; 0 reads in the training process."""
    weight_decay: NonNegativeFloat = 0.0
    """Weight decay of Adam."""
    players: dict[str, PlayerConfig] = Field(default_factory=dict)
    """Name of a player → its optimisation, for a model with several (`generator` and `critics`)."""

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
    def _without_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave defaults of later keys out, so that files older than these keys still agree."""
        values: dict[str, Any] = handler(self)
        for key in ("micro_batch", *LATER):
            field = type(self).model_fields[key]
            if getattr(self, key) == field.get_default(call_default_factory=True):
                values.pop(key, None)
        return values

    def training_fingerprint(self) -> dict[str, object]:
        """Return the values that the trained weights depend on, and a resumed training must keep.

        ``micro_batch`` is not among them: up to rounding, accumulated gradients are those of the
        whole batch, so a training that ran out of memory can be resumed with a smaller one. A
        model with batch statistics adds it (``TrainedModelConfig.training_fingerprint``).
        """
        observing = {"checkpoint_every", "validate_every", "journal_every", "workers"}
        observing.add("micro_batch")
        return self.model_dump(mode="json", exclude=observing.union(LATER))
