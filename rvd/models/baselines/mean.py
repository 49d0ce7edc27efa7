"""The forecast of RVD's next-frame predictor alone."""

from __future__ import annotations

from rvd.models.base import Forecast, Video, VideoPredictor, repeated
from rvd.models.baselines.config import MeanConfig
from rvd.models.entry import ForecastSource
from rvd.models.files import fitting, load, predictor_of
from rvd.models.noise import NoiseSource
from rvd.models.rvd.model import ResidualVideoDiffusion


class MeanForecast(VideoPredictor):
    """The forecast of an RVD's μ alone, the baseline of its diffusion.

    Args:
        model: Trained RVD with a next-frame predictor.
    """

    def __init__(self, model: ResidualVideoDiffusion) -> None:
        super().__init__(model.config, model.size, model.channels)
        self.model = model

    def predict(self, context: Video, horizon: int, ensemble: int, noise: NoiseSource) -> Forecast:
        """Return the deterministic forecast, repeated; ``noise`` is not used."""
        return repeated(self.model.predict_mean(context, horizon), ensemble)


def open_mean(config: MeanConfig, source: ForecastSource) -> MeanForecast:
    """Return the mean of the RVD in ``source.predictor``.

    Raises:
        UserError: There is no predictor, or it was trained under another config, or for other
            frames.
    """
    path = predictor_of(source)
    trained = load(path, source.section_of(config.of))
    assert isinstance(trained, ResidualVideoDiffusion)  # validated by the config
    fitting(trained, path, source)
    return MeanForecast(trained)
