"""The models: one interface, one table, one file format."""

from rvd.models.predictor import VideoPredictor
from rvd.models.storage import MODELS, build, load, save

__all__ = ["MODELS", "VideoPredictor", "build", "load", "save"]
