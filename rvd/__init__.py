"""Residual Video Diffusion: probabilistic video forecasting, from raw videos to tables.

Three lines forecast a video of one's own::

    model = rvd.load("predictor.safetensors")
    video = rvd.read_video("film.mp4", model.size, model.channels)
    samples = rvd.forecast(model, video, horizon=16, ensemble=8, seed=0)
"""

from importlib import import_module
from typing import Any

# Imported when first used: torch takes seconds.
_PUBLIC = {
    "load": "rvd.models.files",
    "read_video": "rvd.forecasting.reading",
    "forecast": "rvd.forecasting.forecasting",
}

__all__ = ["forecast", "load", "read_video"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'rvd' has no attribute '{name}'")
    return getattr(import_module(_PUBLIC[name]), name)
