"""Metrics that are a mean over clips for each future frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from rvd.metrics.base import Clip, EnsembleShape, Score, Values

if TYPE_CHECKING:
    from torch import Tensor


class FrameMeans:
    """One number per future frame, averaged over clips; and the mean over frames.

    Args:
        protocols: The scores' names, each with its protocol in words.
        shape: Shape of the ensemble file.
        values: Function from a clip to its (future frame) numbers, one array for each name.
    """

    def __init__(
        self,
        protocols: Mapping[str, str],
        shape: EnsembleShape,
        values: Callable[[Clip], list[Values]],
    ) -> None:
        self.protocols, self.shape, self.values = protocols, shape, values
        self.totals = np.zeros((len(protocols), shape.horizon))

    def update(self, clip: Clip) -> None:
        """Add the clip's numbers."""
        self.totals += np.stack(self.values(clip))

    def compute(self) -> Iterator[Score]:
        """Yield one row per frame, from 1, then the mean over them; for each name."""
        about = (self.shape.clips, self.shape.ensemble)
        for (name, protocol), total in zip(self.protocols.items(), self.totals, strict=True):
            means = total / self.shape.clips
            for frame, value in enumerate(means, 1):
                yield Score(name, frame, float(value), *about, protocol)
            yield Score(name, None, float(means.mean()), *about, protocol)


def member_means(
    name: str,
    shape: EnsembleShape,
    score: Callable[[Tensor, Tensor], Tensor],
    best: Callable[[Tensor], Tensor],
    about: str = "",
) -> FrameMeans:
    """Return a metric of each member's frames: its mean over the ensemble, and its best member.

    Args:
        name: The score's name; that of the best member is ``<name>_best``.
        shape: Shape of the ensemble file.
        score: Function from samples and truth in [0, 1] to (member, frame) numbers.
        best: Function from (member, frame) numbers to the best over members, (frame).
        about: Beginning of the protocol.
    """
    protocols = {
        name: f"{about}mean over members and clips",
        f"{name}_best": f"{about}best member of each clip and frame, mean over clips",
    }

    def values(clip: Clip) -> list[Values]:
        found = score(clip.unit_samples, clip.unit_truth).double()
        return [found.mean(0).numpy(), best(found).numpy()]

    return FrameMeans(protocols, shape, values)


def largest(values: Tensor) -> Tensor:
    """Return the largest over members of (member, frame) numbers."""
    return values.amax(0)


def smallest(values: Tensor) -> Tensor:
    """Return the smallest over members of (member, frame) numbers."""
    return values.amin(0)
