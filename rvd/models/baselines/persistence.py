"""The persistence forecast: the last known frame, repeated."""

from __future__ import annotations

from rvd.models.base import Forecast, Video, VideoPredictor, repeated
from rvd.models.baselines.config import PersistenceConfig
from rvd.models.entry import ForecastSource
from rvd.models.noise import NoiseSource


class PersistenceForecast(VideoPredictor):
    """A deterministic forecast in which each future frame equals the last known one."""

    def predict(self, context: Video, horizon: int, ensemble: int, noise: NoiseSource) -> Forecast:
        """Return the last frame ``horizon`` times; ``noise`` is not used."""
        still = context[:, -1:].expand(-1, horizon, *context.shape[2:])
        return repeated(still, ensemble)


def open_persistence(config: PersistenceConfig, source: ForecastSource) -> PersistenceForecast:
    """Return the baseline for frames like those of the videos."""
    size, _, channels = source.videos.frame_shape
    return PersistenceForecast(config, size, channels)
