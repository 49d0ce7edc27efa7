"""The analogue forecast: the futures of training clips with a similar context (Lorenz, 1969)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from rvd.errors import UserError
from rvd.models.base import Forecast, Video, VideoPredictor
from rvd.models.baselines.config import AnalogueConfig
from rvd.models.entry import ForecastSource
from rvd.models.noise import NoiseSource
from rvd.video.clips import read_clip
from rvd.video.file import Frames, Split
from rvd.video.ranges import stored_to_unit

# Number of contexts compared at a time, which bounds memory.
CHUNK = 256

# Bytes of stored training frames kept in memory; the others are read again for each batch of clips.
# The paper's simulation has 0.5 GB of training frames.
KEPT = 4 << 30


class AnalogueForecast(VideoPredictor):
    """The futures of the training clips whose context is nearest to the given one.

    A strong non-learned baseline where a flow nearly repeats itself. Contexts are compared by the
    squared distance of all their pixels. They are read once, for the first clips, and kept up to
    ``KEPT`` bytes.

    Args:
        config: Config with the number of candidates.
        size: Height and width of a frame, in pixels.
        channels: Number of channels of a frame, 1 or 3.
        videos: Training split.
    """

    def __init__(self, config: AnalogueConfig, size: int, channels: int, videos: Split) -> None:
        super().__init__(config, size, channels)
        self.limit = config.candidates
        self.videos = videos
        self._kept: dict[tuple[int, int], Frames] = {}
        self._kept_bytes = 0

    def predict(self, context: Video, horizon: int, ensemble: int, noise: NoiseSource) -> Forecast:
        """Return the ``ensemble`` nearest futures, nearest first; ``noise`` is not used.

        Raises:
            UserError: The training split has fewer clips than the ensemble has members.
        """
        known = context.shape[1]
        starts = self.videos.clip_starts(known + horizon)
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
        """Return the squared distances (batch, candidate) of contexts: the sum of their frames'.

        Candidates overlap, so each training frame is compared once with each frame of a context.
        """
        known = context.shape[1]
        wanted = context.flatten(2).flatten(0, 1)
        columns = []
        for begin in range(0, len(starts), CHUNK):
            covered = starts[begin : begin + CHUNK, None] + np.arange(known)
            positions, places = np.unique(covered, return_inverse=True)
            frames = stored_to_unit(torch.from_numpy(self._frames(positions)))
            # Computed as differences, because rounding of expanded products would hide the nearest.
            by_frame = torch.cdist(
                wanted, frames.flatten(1).to(wanted), compute_mode="donot_use_mm_for_euclid_dist"
            ).square()
            by_frame = by_frame.unflatten(0, (-1, known))
            where = torch.from_numpy(places.reshape(-1, known)).to(wanted.device)
            of_frames = [by_frame[:, t, where[:, t]] for t in range(known)]
            columns.append(torch.stack(of_frames).sum(0))
        return torch.cat(columns, 1)

    def _frames(self, positions: np.ndarray) -> Frames:
        """Return the training frames at ascending ``positions``: (frame, channel, height, width).

        Each run of adjacent positions is read at once, and kept while memory allows.
        """
        found: list[Any] = []
        for run in np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1):
            key = int(run[0]), len(run)
            kept = self._kept.get(key)
            if kept is None:
                kept = read_clip(self.videos, *key)
                if self._kept_bytes + kept.nbytes <= KEPT:
                    self._kept[key] = kept
                    self._kept_bytes += kept.nbytes
            found.append(kept)
        frames: Frames = np.concatenate(found)
        return frames

    def _clip(self, start: int, length: int) -> Tensor:
        return stored_to_unit(torch.from_numpy(read_clip(self.videos, int(start), length)))


def open_analogue(config: AnalogueConfig, source: ForecastSource) -> AnalogueForecast:
    """Return the baseline that searches the training split of the videos."""
    size, _, channels = source.videos.frame_shape
    return AnalogueForecast(config, size, channels, source.videos.splits["train"])
