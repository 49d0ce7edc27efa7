"""What every model is: a predictor of video frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rvd.config import Section

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

    def forward(self, video: Video, player: str = "model") -> dict[str, Tensor]:
        """The training pass: named losses of ``player``, of which ``loss`` is minimised.

        It is ``forward``, because what distributes training over devices hooks only that.
        """
        raise TypeError(f"{type(self).__name__} is not trained")

    @torch.no_grad()
    def predict(
        self, context: Video, horizon: int, ensemble: int, generator: torch.Generator
    ) -> Forecast:
        """Draw forecasts.

        Args:
            context: (batch, frame, channel, height, width) in [0, 1].
            horizon: how many frames to forecast.
            ensemble: how many forecasts; a deterministic model repeats its one.
            generator: of all randomness, on the context's device.

        Returns:
            (batch, ensemble, horizon, channel, height, width) in [0, 1].
        """
        raise TypeError(f"{type(self).__name__} makes no forecasts")


def drawn(draw: Callable[[int], Tensor], rows: int) -> Tensor:
    """What this process draws for its ``rows`` clips of a training batch.

    Every process draws for the whole batch (with one seed, as the trainer sees to) and takes its
    part, so that several processes train as one with the same batch would.

    Args:
        draw: number of rows → a tensor of so many rows.
        rows: of this process.
    """
    if not torch.distributed.is_initialized():
        return draw(rows)
    rank = torch.distributed.get_rank()
    everything = draw(rows * torch.distributed.get_world_size())
    return everything[rank * rows : (rank + 1) * rows]


def to_signed(video: Tensor) -> Tensor:
    """[0, 1] → [−1, 1], the range inside the models (section 3.2)."""
    return video * 2 - 1


def to_unit(video: Tensor) -> Tensor:
    """[−1, 1] → [0, 1], cut to it."""
    return ((video + 1) / 2).clamp(0, 1)


def repeated(forecast: Video, ensemble: int) -> Forecast:
    """One deterministic forecast as every member of an ensemble."""
    return forecast[:, None].expand(-1, ensemble, *forecast.shape[1:])
