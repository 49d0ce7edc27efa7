"""Training: one loop for every model."""

from rvd.training.loop import TrainingTask, train

__all__ = ["TrainingTask", "train"]
