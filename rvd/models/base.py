"""What every model is: a predictor of video frames."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rvd.config.section import Section
from rvd.models.noise import NoiseSource

Video = Float[Tensor, "batch frame channel height width"]
Forecast = Float[Tensor, "batch ensemble frame channel height width"]


class VideoPredictor(nn.Module):
    """Forecasts future frames of videos from their first ones.

    Frames have values in [0, 1]. A model that is trained says what it minimises in
    :meth:`forward`; one that is not leaves it out.

    Args:
        config: the model's section of the config.
        size: height and width of a frame, in pixels.
        channels: 1 or 3.
    """

    def __init__(self, config: Section, size: int, channels: int) -> None:
        super().__init__()
        self.config = config
        self.size = size
        self.channels = channels

    @property
    def players(self) -> Mapping[str, nn.Module]:
        """The modules that are optimised apart: one, or a generator and its critics."""
        return {"model": self}

    @property
    def critics(self) -> tuple[str, ...]:
        """The names of submodules that only training needs; predictor files leave them out."""
        return ()

    @property
    def inner(self) -> tuple[nn.Module, ...]:
        """The modules that a forecast calls most often: worth compiling."""
        return ()

    def begin_step(self, step: int) -> None:
        """Get ready for the training step numbered ``step`` (from 0): grow, or warm up."""

    def forward(self, video: Video, player: str = "model") -> dict[str, Tensor]:
        """The training pass: named losses of ``player``, of which ``loss`` is minimised.

        It is ``forward``, because what distributes training over devices hooks only that. Noise
        comes from torch's default generator, through :func:`rvd.models.noise.batch_noise`.
        """
        raise TypeError(f"{type(self).__name__} is not trained")

    @torch.no_grad()
    def predict(self, context: Video, horizon: int, ensemble: int, draw: NoiseSource) -> Forecast:
        """Draw forecasts.

        Args:
            context: (batch, frame, channel, height, width) in [0, 1].
            horizon: how many frames to forecast.
            ensemble: how many forecasts; a deterministic model repeats its one.
            draw: the source of all randomness (:func:`rvd.models.noise.seeded_noise`).

        Returns:
            (batch, ensemble, horizon, channel, height, width) in [0, 1].
        """
        raise TypeError(f"{type(self).__name__} makes no forecasts")


def unit_to_signed(video: Tensor) -> Tensor:
    """[0, 1] → [−1, 1], the range inside the models (section 3.2)."""
    return video * 2 - 1


def signed_to_unit(video: Tensor) -> Tensor:
    """[−1, 1] → [0, 1], cut to it."""
    return ((video + 1) / 2).clamp(0, 1)


def repeated(forecast: Video, ensemble: int) -> Forecast:
    """One deterministic forecast as every member of an ensemble."""
    return forecast[:, None].expand(-1, ensemble, *forecast.shape[1:])
