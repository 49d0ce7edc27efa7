"""The next frame from the last two, with noise."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rvd.models.base import Forecast, Video, VideoPredictor
from rvd.models.noise import NoiseSource
from rvd_trend.config import TrendConfig


class Trend(VideoPredictor):
    """A Gaussian for each pixel of the next frame, whose mean and deviation a network returns."""

    def __init__(self, config: TrendConfig, size: int, channels: int) -> None:
        super().__init__(config, size, channels)
        self.network = nn.Sequential(
            nn.Conv2d(2 * channels, config.width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(config.width, config.width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(config.width, 2 * channels, 3, padding=1),
        )
        self.scale = nn.Parameter(torch.tensor(config.deviation).log())

    def step(self, before: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and deviation of the frame after ``last``, (batch, channel, …)."""
        change, width = self.network(torch.cat([before, last], 1)).chunk(2, 1)
        return last + change, (self.scale + width.tanh()).exp()

    def forward(self, video: Video, player: str = "model") -> dict[str, Tensor]:
        """Return the negative log-likelihood of all frames after the second."""
        before, last, following = video[:, :-2], video[:, 1:-1], video[:, 2:]
        mean, deviation = self.step(before.flatten(0, 1), last.flatten(0, 1))
        error = (following.flatten(0, 1) - mean) / deviation
        return {"loss": (error.square() / 2 + deviation.log()).mean()}

    @torch.no_grad()
    def predict(self, context: Video, horizon: int, ensemble: int, noise: NoiseSource) -> Forecast:
        """Sample frame after frame; the members of a clip lie next to each other."""
        before, last = context[:, -2:].repeat_interleave(ensemble, 0).unbind(1)
        frames = []
        for _ in range(horizon):
            mean, deviation = self.step(before, last)
            following = (mean + deviation * noise(mean)).clamp(0, 1)
            frames.append(following)
            before, last = last, following
        return torch.stack(frames, 1).unflatten(0, (len(context), ensemble))
