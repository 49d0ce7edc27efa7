"""The base classes of the config sections of trained models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from rvd.config.merging import merge
from rvd.config.model import ModelConfig
from rvd.config.sampler import AnySamplerConfig
from rvd.config.training import TrainingConfig


@dataclass(frozen=True)
class Stage:
    """The trainer's settings at one step, which for most models are the same at all steps.

    Attributes:
        batch: Clips per process.
        rate: Factor of the learning rates.
        fresh: True where the optimisers are reset before the step.
    """

    batch: int
    rate: float = 1.0
    fresh: bool = False


class TrainedModelConfig(ModelConfig):
    """A model that this experiment trains."""

    # True where its blocks can be computed again in the backward pass.
    checkpointed: ClassVar[bool] = False

    training: TrainingConfig
    """Budget and optimisation."""
    on: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Settings per dataset, by the dataset's name: see "A model on a dataset" above."""

    @field_validator("on", mode="before")
    @classmethod
    def _keys_as_in_json(cls, value: Any) -> Any:
        """Make keys text, so that a config written as JSON and read back equals the original."""
        return _with_text_keys(value)

    @model_serializer(mode="wrap")
    def _without_empty_on(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave an empty ``on`` out, as in predictor files and checkpoints older than the key."""
        values: dict[str, Any] = serialize(self)
        if not self.on:
            values.pop("on", None)
        return values

    @property
    def is_trained(self) -> bool:
        """True."""
        return True

    def on_dataset(self, dataset: str) -> Self:
        """Return the section with its settings for ``dataset`` laid over it, and ``on`` empty.

        Raises:
            pydantic.ValidationError: The two together are no valid section.
        """
        if dataset not in self.on:
            return self.model_copy(update={"on": {}}) if self.on else self
        # JSON's keys are text, as those of `on` are: 64 and "64" must not stand next to each other.
        own = self.model_dump(mode="json", exclude={"on"})
        return type(self).model_validate(merge(own, self.on[dataset]))

    def with_precision(self, precision: Literal["float32", "bfloat16"]) -> Self:
        """Return the section with ``training.precision: auto`` replaced by ``precision``.

        Another precision than ``auto`` is kept.
        """
        if self.training.precision != "auto":
            return self
        training = self.training.model_copy(update={"precision": precision})
        return self.model_copy(update={"training": training})

    def budget(self) -> list[str]:
        """Return the number of training steps in words."""
        return [f"{self.training.steps:,} steps"]

    def why_not(self, size: int, context: int) -> str | None:
        """Return the reason why the model cannot forecast, or None."""
        return self.why_not_size(size) or self.why_not_context(context)

    @property
    def has_batch_statistics(self) -> bool:
        """True where the clips of a training batch are normalised by statistics of all of them.

        The statistics are those of a micro-batch, so the trained weights depend on its size.
        """
        return False

    def training_fingerprint(self) -> dict[str, Any]:
        """Return the values that the trained weights depend on.

        Values that only observe the training are left out.
        """
        own = self.model_dump(mode="json", exclude={"training", "on"})
        training = self.training.training_fingerprint()
        if self.has_batch_statistics and (split := self._split_batches()):
            training["micro_batch"] = split
        return {**own, "training": training}

    def _split_batches(self) -> dict[str, int]:
        """Return the micro-batches that are smaller than their batch, by image size."""
        batch = self.training.batch
        micro_batch = self.training.micro_batch.items()
        return {str(size): clips for size, clips in sorted(micro_batch) if clips < batch[size]}

    def sampling_fingerprint(self) -> dict[str, Any]:
        """Return the values that forecasts depend on; those of the weights may be among them."""
        return self.training_fingerprint()

    def sampler_candidates(
        self, most_steps: int, numbers: Sequence[int] | None = None
    ) -> list[AnySamplerConfig]:
        """Return the samplers to compare on validation videos, from the cheapest on.

        Args:
            most_steps: Largest number of sampling steps; a sampler of all diffusion steps comes
                last all the same.
            numbers: Numbers of sampling steps to try; None takes those of the model.

        Returns:
            Empty for a model without a choice of samplers.
        """
        return []

    def evaluations(self, sampler: AnySamplerConfig) -> int:
        """Return the number of network evaluations per frame that ``sampler`` takes."""
        return 1

    def stage(self, step: int, size: int) -> Stage:
        """Return the trainer's settings at ``step`` (from 0), for images of ``size`` pixels."""
        return Stage(self.training.batch[size])

    def why_not_size(self, size: int) -> str | None:
        """Return the reason why the model cannot take images of ``size`` pixels, or None."""
        if size not in self.training.batch:
            known = ", ".join(map(str, sorted(self.training.batch)))
            return f"training.batch: no entry for images of {size} pixels (there are: {known})"
        if self.training.gradient_checkpointing and not self.checkpointed:
            return (
                "training.gradient_checkpointing: this model has no blocks that can be computed "
                "again; give false"
            )
        return None

    def remedy_of_memory(self, size: int) -> str:
        """Return the keys to change when a training step at ``size`` pixels needs less memory.

        Only remedies that help are named: a smaller ``micro_batch`` while there is one, then
        ``gradient_checkpointing`` where the model has it and does not use it yet.
        """
        batch = self.training.batch[size]
        now = self.training.micro_batch.get(size, batch)
        remedies = []
        if now > 1:
            smaller = max(n for n in range(1, now) if batch % n == 0)
            remedies.append(f"set training.micro_batch: {{{size}: {smaller}}} (now {now})")
        if self.checkpointed and not self.training.gradient_checkpointing:
            remedies.append("set training.gradient_checkpointing: true")
        return ", or ".join(remedies) or "give it a machine with more memory"

    def why_not_context(self, context: int) -> str | None:
        """Return the reason why the model cannot forecast from ``context`` frames, or None."""
        return None


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _with_text_keys(inner) for key, inner in value.items()}
    return [_with_text_keys(inner) for inner in value] if isinstance(value, list) else value


class WindowModelConfig(TrainedModelConfig):
    """A model that sees the last ``training.context`` frames and ignores earlier ones."""

    def why_not_context(self, context: int) -> str | None:
        """Return the reason why the model cannot forecast from ``context`` frames, or None."""
        seen = self.training.context
        if context < seen:
            return f"training.context: the generator sees {seen} frames, not {context}"
        return None


@runtime_checkable
class Downsampling(Protocol):
    """A network that takes multiples of ``divisor`` pixels."""

    @property
    def divisor(self) -> int:
        """The number of which height and width must be multiples."""
        ...


def why_no_network(networks: Mapping[int, object], size: int) -> str | None:
    """Return the reason why ``networks``, by frame size, have none for ``size`` pixels, or None."""
    if size not in networks:
        known = ", ".join(map(str, sorted(networks)))
        return f"networks: there is no entry for images of {size} pixels (there are: {known})"
    return None


def why_no_downsampling(networks: Mapping[int, Downsampling], size: int) -> str | None:
    """Return the reason why no network can downsample ``size`` pixels, or None."""
    if problem := why_no_network(networks, size):
        return problem
    divisor = networks[size].divisor
    if size % divisor:
        return f"networks.{size}: its down-sampling needs a multiple of {divisor} pixels"
    return None
