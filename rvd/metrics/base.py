"""The interface of a metric: clips go in one at a time, rows of the scores come out.

Nothing here, in the registry or in the metrics next to it imports torch before a metric is built:
the config reads the metrics' names from the registry.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Values = NDArray[np.float64]
GREY_LEVELS = 255.0


@dataclass(frozen=True)
class EnsembleShape:
    """The shape of an ensemble file.

    Attributes:
        clips: Number of test clips.
        ensemble: Number of members, S.
        context: Number of context frames.
        horizon: Number of future frames.
        frame: Height, width and channels of a frame.
    """

    clips: int
    ensemble: int
    context: int
    horizon: int
    frame: tuple[int, int, int]


@dataclass(frozen=True)
class Clip:
    """One clip of an ensemble file, as stored: (…, height, width, channel).

    Attributes:
        samples: Forecasts, (member, future frame, …).
        truth: The future frames as recorded, (future frame, …).
        context: The frames that were given, (context frame, …).
        white: Stored value of white: 255 for bytes, 1 for floats.
        span: Physical values of black and white.
    """

    samples: NDArray
    truth: NDArray
    context: NDArray
    white: float
    span: tuple[float, float]

    @cached_property
    def unit_samples(self) -> Tensor:
        """Samples in [0, 1], (member, frame, channel, height, width), float32."""
        return self._unit(self.samples)

    @cached_property
    def unit_truth(self) -> Tensor:
        """Truth in [0, 1], (frame, channel, height, width), float32."""
        return self._unit(self.truth)

    @cached_property
    def physical(self) -> tuple[Values, Values]:
        """Samples and truth of the first channel in the physical unit, (…, height, width)."""
        low, high = self.span
        scaled = [
            low + (high - low) * frames[..., 0].astype(np.float64) / self.white
            for frames in (self.samples, self.truth)
        ]
        return scaled[0], scaled[1]

    @cached_property
    def crps(self) -> Values:
        """The paper's CRPS of each value, shaped as ``truth``, on the scale 0 … 255."""
        from rvd.metrics.functional.crps import crps

        return crps(self.samples, self.truth) * (GREY_LEVELS / self.white)

    def _unit(self, frames: NDArray) -> Tensor:
        import torch

        return torch.from_numpy(np.moveaxis(frames, -1, -3).astype(np.float32) / self.white)


@dataclass(frozen=True)
class Score:
    """One row of the scores; see ``docs/data-format.md`` for the columns."""

    metric: str
    frame: int | None
    value: float
    videos: int
    ensemble: int
    protocol: str
    low: float | None = None
    high: float | None = None
    note: str = ""


@runtime_checkable
class Metric(Protocol):
    """A metric that accumulates clips, after the interface of torchmetrics."""

    def update(self, clip: Clip) -> None:
        """Accumulate one clip."""

    def compute(self) -> Iterable[Score]:
        """Return the rows of the scores, once all clips have been accumulated."""
