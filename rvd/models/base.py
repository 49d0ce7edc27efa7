"""The interface of every model: a predictor of video frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rvd.config.section import Section
from rvd.models.noise import NoiseSource

Video = Float[Tensor, "batch frame channel height width"]
Forecast = Float[Tensor, "batch ensemble horizon channel height width"]


class VideoPredictor(nn.Module):
    """A model that forecasts future frames of videos from their first ones.

    Frames have values in [0, 1]. A trained model returns its losses from :meth:`forward`; a
    baseline does not override it.

    Args:
        config: The model's section of the config.
        size: Height and width of a frame, in pixels.
        channels: Number of channels of a frame, 1 or 3.
    """

    def __init__(self, config: Section, size: int, channels: int) -> None:
        super().__init__()
        self.config = config
        self.size = size
        self.channels = channels

    @property
    def players(self) -> Mapping[str, nn.Module]:
        """The modules with an optimiser each: one, or a generator and its critics."""
        return {"model": self}

    @property
    def training_only(self) -> tuple[str, ...]:
        """The names of submodules that only training needs; predictor files leave them out."""
        return ()

    @property
    def inner(self) -> tuple[nn.Module, ...]:
        """The modules that a forecast calls most often, and that are worth compiling."""
        return ()

    @property
    def compiled_in_training(self) -> tuple[nn.Module, ...]:
        """The modules whose training pass can be compiled: by default the whole model."""
        return (self,)

    def preview_options(self) -> dict[str, Any]:
        """Return arguments of :meth:`predict` for a quick forecast that monitors a training."""
        return {}

    @property
    def digest(self) -> str:
        """The digest of the files that forecasts are read from; empty where they are computed."""
        return ""

    def for_clips(self, numbers: Sequence[int]) -> VideoPredictor:
        """Return the model for the test clips ``numbers``, on which few models depend.

        Args:
            numbers: Number of each clip of the next :meth:`predict` among the test clips, from 0.
        """
        return self

    def begin_step(self, step: int) -> None:
        """Prepare for a training step: grow, or warm up.

        Args:
            step: Number of the step, from 0.
        """

    def forward(self, video: Video, player: str = "model") -> dict[str, Tensor]:
        """Return the losses of a training pass.

        It is ``forward`` because distributed training hooks only that. Noise comes from torch's
        default generator, through :func:`rvd.models.noise.batch_noise`.

        Args:
            video: Clips (batch, frame, channel, height, width) in [0, 1].
            player: Name of the player whose losses are computed.

        Returns:
            Losses by name; ``loss`` is minimised.

        Raises:
            TypeError: The model is not trained.
        """
        raise TypeError(f"{type(self).__name__} is not trained")

    @torch.no_grad()
    def predict(self, context: Video, horizon: int, ensemble: int, noise: NoiseSource) -> Forecast:
        """Return an ensemble of forecasts.

        Args:
            context: Known frames (batch, frame, channel, height, width) in [0, 1].
            horizon: Number of frames to forecast.
            ensemble: Number of forecasts per clip; a deterministic model repeats its one.
            noise: Source of all randomness (:func:`rvd.models.noise.seeded_noise`).

        Returns:
            (batch, ensemble, horizon, channel, height, width) in [0, 1].
        """
        raise TypeError(f"{type(self).__name__} makes no forecasts")


def unit_to_signed(video: Tensor) -> Tensor:
    """Convert [0, 1] to [−1, 1], the range inside the models (section 3.2)."""
    return video * 2 - 1


def signed_to_unit(video: Tensor) -> Tensor:
    """Convert [−1, 1] to [0, 1], clamped to it."""
    return ((video + 1) / 2).clamp(0, 1)


def repeated(forecast: Video, ensemble: int) -> Forecast:
    """Return one deterministic forecast as every member of an ensemble."""
    return forecast[:, None].expand(-1, ensemble, *forecast.shape[1:])
