"""Training: one loop for every model."""

from rvd.training.loop import train
from rvd.training.task import TrainingTask

__all__ = ["TrainingTask", "train"]
