"""Training: one loop for every model."""

from rvd.training.interruption import INTERRUPTED, Interrupted
from rvd.training.loop import TrainingTask, train

__all__ = ["INTERRUPTED", "Interrupted", "TrainingTask", "train"]
