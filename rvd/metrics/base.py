"""The metrics as the scorer uses them: each is shown every clip once, then asked for its scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rvd.evaluation.ensembles.ensemble_file import EnsembleShape
from rvd.metrics.functional.calibration import spread_skill, variance_and_error
from rvd.metrics.functional.crps import crps

Values = NDArray[np.float64]
GREY_LEVELS = 255.0


@dataclass(frozen=True)
class Clip:
    """One clip of an ensemble file, as stored: (…, height, width, channel).

    Attributes:
        samples: (member, future frame, …).
        truth: (future frame, …).
        context: (context frame, …).
        white: the stored value of white.
        span: the physical values of black and white.
    """

    samples: NDArray
    truth: NDArray
    context: NDArray
    white: float
    span: tuple[float, float]

    @cached_property
    def unit_samples(self) -> Tensor:
        """(member, frame, channel, height, width) in [0, 1], float32."""
        return self._unit(self.samples)

    @cached_property
    def unit_truth(self) -> Tensor:
        """(frame, channel, height, width) in [0, 1], float32."""
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
        """The paper's CRPS of every value, shaped as ``truth``, on the scale 0 … 255."""
        return crps(self.samples, self.truth) * (GREY_LEVELS / self.white)

    def _unit(self, frames: NDArray) -> Tensor:
        return torch.from_numpy(np.moveaxis(frames, -1, -3).astype(np.float32) / self.white)


@dataclass(frozen=True)
class Score:
    """A row of the scores; see ``docs/data-format.md`` for the columns."""

    metric: str
    frame: int | None
    value: float
    videos: int
    ensemble: int
    protocol: str
    low: float | None = None
    high: float | None = None
    note: str = ""


class Metric(Protocol):
    """What the scorer needs of a metric."""

    def add(self, clip: Clip) -> None:
        """Take one clip into account."""

    def scores(self) -> Iterator[Score]:
        """The rows, after all clips."""


class Missing:
    """A metric that cannot be computed: one row without a value, and why."""

    def __init__(self, name: str, note: str, shape: EnsembleShape) -> None:
        self.row = Score(name, None, np.nan, shape.clips, shape.ensemble, "", note=note)

    def add(self, clip: Clip) -> None:
        """Nothing."""

    def scores(self) -> Iterator[Score]:
        """The one row."""
        yield self.row


class ByFrame:
    """A number for each future frame, mean over clips; and the mean over frames.

    Args:
        names: of the metrics, each with its protocol in words.
        shape: of the ensemble file.
        values: a clip's (future frame) numbers, in the order of ``names``.
    """

    def __init__(
        self, names: dict[str, str], shape: EnsembleShape, values: Callable[[Clip], list[Values]]
    ) -> None:
        self.names, self.shape, self.values = names, shape, values
        self.totals = np.zeros((len(names), shape.horizon))

    def add(self, clip: Clip) -> None:
        """Add the clip's numbers."""
        self.totals += np.stack(self.values(clip))

    def scores(self) -> Iterator[Score]:
        """The frames from 1, then the mean over them."""
        for (name, protocol), total in zip(self.names.items(), self.totals, strict=True):
            yield from by_frame(name, protocol, total / self.shape.clips, self.shape)


def by_frame(name: str, protocol: str, frames: Values, shape: EnsembleShape) -> Iterator[Score]:
    """A row for each future frame, and one without a frame for the mean over them."""
    about = (shape.clips, shape.ensemble, protocol)
    for index, value in enumerate(frames):
        yield Score(name, index + 1, float(value), *about)
    yield Score(name, None, float(frames.mean()), *about)


def of_members(
    name: str,
    shape: EnsembleShape,
    score: Callable[[Tensor, Tensor], Tensor],
    best: Callable[[Tensor], Tensor],
    about: str = "",
) -> ByFrame:
    """A metric of every member's frames: its mean over the ensemble, and its best member.

    Args:
        name: of the metric; the best member's is ``<name>_best``.
        shape: of the ensemble file.
        score: (member, frame) of samples and truth in [0, 1].
        best: the best over the members, (frame).
        about: what else the protocol says.
    """
    names = {
        name: f"{about}mean over members and clips",
        f"{name}_best": f"{about}best member of each clip and frame, mean over clips",
    }

    def values(clip: Clip) -> list[Values]:
        found = score(clip.unit_samples, clip.unit_truth).double()
        return [found.mean(0).numpy(), best(found).numpy()]

    return ByFrame(names, shape, values)


class SpreadSkill:
    """The ratio of spread and error; both are averaged before it is taken."""

    protocol = "√((1 + 1/S)·variance / squared error of the mean), both means over pixels and clips"

    def __init__(self, shape: EnsembleShape) -> None:
        self.shape = shape
        self.sums = np.zeros((2, shape.horizon))

    def add(self, clip: Clip) -> None:
        """Add the clip's variance and error."""
        self.sums += np.stack(variance_and_error(clip.samples, clip.truth))

    def scores(self) -> Iterator[Score]:
        """The ratio at each frame, and of all frames together."""
        size, about = self.shape.ensemble, (self.shape.clips, self.shape.ensemble, self.protocol)
        variance, error = self.sums
        for index, value in enumerate(spread_skill(variance, error, size)):
            yield Score("spread_skill", index + 1, float(value), *about)
        whole = spread_skill(variance.sum(), error.sum(), size)
        yield Score("spread_skill", None, float(whole), *about)
