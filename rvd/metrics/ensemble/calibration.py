"""The spread–skill ratio: an ensemble's spread compared with the error of its mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rvd.metrics.base import Clip, EnsembleShape, Score
from rvd.metrics.entry import MetricEntry, ScoredEnsemble
from rvd.metrics.labels import ScoreLabel


class SpreadSkill:
    """Ratio of spread and error, each averaged over pixels and clips before it is taken.

    Args:
        shape: Shape of the ensemble file.
    """

    protocol = "√((1 + 1/S)·variance / squared error of the mean), both means over pixels and clips"

    def __init__(self, shape: EnsembleShape) -> None:
        self.shape = shape
        self.sums = np.zeros((2, shape.horizon))

    def update(self, clip: Clip) -> None:
        """Add the clip's variance and squared error."""
        from rvd.metrics.functional.calibration import variance_and_error

        self.sums += np.stack(variance_and_error(clip.samples, clip.truth))

    def compute(self) -> Iterator[Score]:
        """Yield the ratio at each frame, then that of all frames together."""
        from rvd.metrics.functional.calibration import spread_skill

        size, about = self.shape.ensemble, (self.shape.clips, self.shape.ensemble, self.protocol)
        variance, error = self.sums
        for frame, value in enumerate(np.atleast_1d(spread_skill(variance, error, size)), 1):
            yield Score("spread_skill", frame, float(value), *about)
        whole = spread_skill(variance.sum(), error.sum(), size)
        yield Score("spread_skill", None, float(whole), *about)


def _build(ensemble: ScoredEnsemble) -> SpreadSkill:
    return SpreadSkill(ensemble.shape)


def _why_not(ensemble: ScoredEnsemble) -> str | None:
    return "one member has no spread" if ensemble.shape.ensemble < 2 else None


ENTRIES = (
    MetricEntry(
        name="spread_skill",
        scores={"spread_skill": ScoreLabel("spread / error", 2, target=1.0)},
        build=_build,
        why_not=_why_not,
    ),
)
