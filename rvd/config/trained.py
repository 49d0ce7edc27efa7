"""What the sections of all trained models have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from rvd.config.section import Section
from rvd.config.training import Training


@dataclass(frozen=True)
class Stage:
    """What a model asks of the trainer at one step; most ask the same at all of them.

    ``batch`` clips a process, learning rates times ``rate``, and, where ``fresh``, optimisers that
    forget the steps before.
    """

    batch: int
    rate: float = 1.0
    fresh: bool = False


class TrainedModel(Section):
    """A model with weights: its ``training``, and what the rest of the project asks of it.

    ``on`` holds settings per dataset, laid over the section where the model is used on that
    dataset (:meth:`rvd.config.Experiment.model`).
    """

    training: Training
    on: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("on", mode="before")
    @classmethod
    def _keys_as_in_json(cls, value: Any) -> Any:
        """A config that was written as JSON and read back is to equal the one before."""
        return _with_text_keys(value)

    @model_serializer(mode="wrap")
    def _without_empty_on(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What predictor files and checkpoints keep has no ``on``, as those from before it."""
        values: dict[str, Any] = serialize(self)
        if not self.on:
            values.pop("on", None)
        return values

    def decisive(self) -> dict[str, object]:
        """What the trained weights depend on: all but what only observes the training."""
        own = self.model_dump(mode="json", exclude={"training", "on"})
        return {**own, "training": self.training.decisive()}

    def forecasting(self) -> dict[str, object]:
        """What forecasts depend on beside the trained weights (and, maybe, what those do)."""
        return self.decisive()

    def stage(self, step: int, size: int) -> Stage:
        """What is asked of the trainer at step ``step`` (from 0), for images of ``size`` pixels."""
        return Stage(self.training.batch[size])

    def problem_at(self, size: int) -> str | None:
        """Why this model cannot take images of ``size`` pixels, or None."""
        if size not in self.training.batch:
            known = ", ".join(map(str, sorted(self.training.batch)))
            return f"training.batch: no entry for images of {size} pixels (there are: {known})"
        return None

    def problem_given(self, context: int) -> str | None:
        """Why this model cannot forecast from ``context`` frames, or None."""
        return None


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _with_text_keys(inner) for key, inner in value.items()}
    return [_with_text_keys(inner) for inner in value] if isinstance(value, list) else value


class WindowModel(TrainedModel):
    """A model that sees the last ``training.context`` frames, whatever else is known."""

    def problem_given(self, context: int) -> str | None:
        """Why this model cannot forecast from ``context`` frames, or None."""
        seen = self.training.context
        if context < seen:
            return f"training.context: the generator sees {seen} frames, not {context}"
        return None


class Halving(Protocol):
    """A network that takes multiples of ``divisor`` pixels."""

    @property
    def divisor(self) -> int:
        """Height and width must be multiples of it."""
        ...


def problem_of_networks(networks: Mapping[int, object], size: int) -> str | None:
    """Why ``networks``, by frame size, hold none for ``size`` pixels, or None."""
    if size not in networks:
        known = ", ".join(map(str, sorted(networks)))
        return f"networks: there is no entry for images of {size} pixels (there are: {known})"
    return None


def problem_of_halving(networks: Mapping[int, Halving], size: int) -> str | None:
    """Why the network for ``size`` pixels is missing or cannot halve them, or None."""
    if problem := problem_of_networks(networks, size):
        return problem
    divisor = networks[size].divisor
    if size % divisor:
        return f"networks.{size}: its down-sampling needs a multiple of {divisor} pixels"
    return None
