"""The config sections of models without weights of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import PositiveInt

from rvd.config.model import ModelConfig
from rvd.diffusion.config import SamplerConfig


class PersistenceConfig(ModelConfig):
    """A non-learned baseline that copies the last frame."""

    kind: Literal["persistence"]
    """Copy of the last frame."""


class AnalogueConfig(ModelConfig):
    """A non-learned baseline: the futures of the training clips with the nearest contexts."""

    kind: Literal["analogue"]
    """Futures of the training clips with the nearest contexts."""
    candidates: PositiveInt = 20000
    """Largest number of training contexts that are searched, evenly spread (our choice)."""


class MeanConfig(ModelConfig):
    """The next-frame predictor μ of another model, without its diffusion."""

    kind: Literal["mean"]
    """Next-frame predictor of another model."""
    of: str
    """Name of that model, which is of kind `rvd` with `residual: true`."""

    def predictor_of(self, name: str) -> str:
        """Return the other model's name."""
        return self.of

    def errors(
        self, models: Mapping[str, ModelConfig], datasets: Mapping[str, Any]
    ) -> Iterator[str]:
        """Yield a line where the other model is missing, or has no next-frame predictor."""
        problem = f"of: '{self.of}' is not a model with a next-frame predictor"
        other = models.get(self.of)
        if other is None or not getattr(other, "residual", False):
            yield problem
            return
        for dataset in datasets:
            if not getattr(other.on_dataset(dataset), "residual", False):
                yield f"{problem} on '{dataset}'"


class ResampledConfig(ModelConfig):
    """Another model's weights, sampled differently: one training serves several rows."""

    kind: Literal["resampled"]
    """Weights of another model with another sampler."""
    of: str
    """Name of that model, which is of kind `rvd`."""
    sampler: SamplerConfig
    """Sampler of the residuals, in place of the other model's."""

    def sampling_fingerprint(self) -> dict[str, Any]:
        """Return the values of the section."""
        return super().sampling_fingerprint() | {"sampler": self.sampler.fingerprint()}

    def predictor_of(self, name: str) -> str:
        """Return the other model's name."""
        return self.of

    def errors(
        self, models: Mapping[str, ModelConfig], datasets: Mapping[str, Any]
    ) -> Iterator[str]:
        """Yield a line where the other model is missing, or cannot be sampled in this way."""
        other = models.get(self.of)
        if other is None or not hasattr(other, "why_not_sampler"):
            yield f"of: '{self.of}' is not a model with a sampler of residuals"
            return
        for dataset in datasets:
            if problem := other.on_dataset(dataset).why_not_sampler(self.sampler):
                yield problem
                return

    def budget(self) -> list[str]:
        """Return the other model's name, and the sampler, in words."""
        steps = f" in {self.sampler.steps} steps" if self.sampler.steps else ""
        return [f"weights of {self.of}", f"{self.sampler.method}{steps}"]
