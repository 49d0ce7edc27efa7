"""Models without weights of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import PositiveInt

from rvd.config.model import ModelConfig


class PersistenceConfig(ModelConfig):
    """The forecast that copies the last frame."""

    kind: Literal["persistence"]


class AnalogueConfig(ModelConfig):
    """The futures of the training clips whose context is nearest to the one given.

    ``candidates`` bounds how many training contexts are searched (evenly spread).
    """

    kind: Literal["analogue"]
    candidates: PositiveInt = 20000


class MeanConfig(ModelConfig):
    """The forecast of the next-frame predictor μ of another model, without its diffusion."""

    kind: Literal["mean"]
    of: str

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
