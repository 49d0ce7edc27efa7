"""What the sections of all trained models have in common."""

from __future__ import annotations

from dataclasses import dataclass

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
    """A model with weights: its ``training``, and what the rest of the project asks of it."""

    training: Training

    def decisive(self) -> dict[str, object]:
        """What the trained weights depend on: all but what only observes the training."""
        own = self.model_dump(mode="json", exclude={"training"})
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
