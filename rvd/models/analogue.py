"""The forecast by analogues: what followed the training clips that began alike (Lorenz, 1969)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rvd.config import Analogue as AnalogueConfig
from rvd.errors import UserError
from rvd.models.draws import Draw
from rvd.models.predictor import Forecast, Video, VideoPredictor
from rvd.video.clips import as_unit, read_clip
from rvd.video.file import Split

# Contexts are compared this many at a time, to bound memory.
CHUNK = 256


class AnalogueForecast(VideoPredictor):
    """The futures of the training clips whose context is nearest to the given one.

    It learns nothing and looks everything up: where a flow nearly repeats itself, that is hard to
    beat. Contexts are compared by the squared distance of all their pixels.

    Args:
        config: how many candidates are searched.
        size: height and width of a frame.
        channels: 1 or 3.
        videos: the training split.
    """

    def __init__(self, config: AnalogueConfig, size: int, channels: int, videos: Split) -> None:
        super().__init__(config, size, channels)
        self.limit = config.candidates
        self.videos = videos

    def predict(self, context: Video, horizon: int, ensemble: int, draw: Draw) -> Forecast:
        """The ``ensemble`` nearest, nearest first; ``generator`` is not used.

        Raises:
            UserError: the training split has fewer clips than the ensemble has members.
        """
        known = context.shape[1]
        starts = self.videos.starts(known + horizon)
        if len(starts) > self.limit:
            starts = starts[np.linspace(0, len(starts) - 1, self.limit).round().astype(int)]
        if len(starts) < ensemble:
            raise UserError(
                f"analogue: there are {len(starts)} training clips of {known + horizon} frames for "
                f"an ensemble of {ensemble}"
            )
        nearest = self._distances(context, starts).topk(ensemble, dim=1, largest=False).indices
        futures = [
            [self._clip(starts[index] + known, horizon) for index in row]
            for row in nearest.cpu().numpy()
        ]
        return torch.stack([torch.stack(row) for row in futures]).to(context)

    def _distances(self, context: Video, starts: np.ndarray) -> Tensor:
        """Squared distances (batch, candidate) of contexts."""
        wanted = context.flatten(1)
        columns = []
        for begin in range(0, len(starts), CHUNK):
            candidates = torch.stack(
                [self._clip(start, context.shape[1]) for start in starts[begin : begin + CHUNK]]
            )
            columns.append(torch.cdist(wanted, candidates.flatten(1).to(wanted)).square())
        return torch.cat(columns, 1)

    def _clip(self, start: int, length: int) -> Tensor:
        return as_unit(torch.from_numpy(read_clip(self.videos, int(start), length)))
