"""The forecast that copies the last frame: what every model has to beat."""

from __future__ import annotations

from rvd.models.draws import Draw
from rvd.models.predictor import Forecast, Video, VideoPredictor, repeated


class Persistence(VideoPredictor):
    """Every future frame equals the last known one; deterministic."""

    def predict(self, context: Video, horizon: int, ensemble: int, draw: Draw) -> Forecast:
        """The last frame, ``horizon`` times."""
        still = context[:, -1:].expand(-1, horizon, *context.shape[2:])
        return repeated(still, ensemble)
