"""Forecasts by the weights of another model, with another sampler."""

from __future__ import annotations

from rvd.models.base import VideoPredictor
from rvd.models.baselines.config import ResampledConfig
from rvd.models.entry import ForecastSource
from rvd.models.files import fitting, load, predictor_of


def open_resampled(config: ResampledConfig, source: ForecastSource) -> VideoPredictor:
    """Return the model in ``source.predictor``, with the sampler of ``config``.

    Raises:
        UserError: There is no predictor, or it was trained under another config, or for other
            frames.
    """
    path = predictor_of(source)
    section = source.section_of(config.of)
    trained = load(path, section.model_copy(update={"sampler": config.sampler}))
    fitting(trained, path, source)
    return trained
