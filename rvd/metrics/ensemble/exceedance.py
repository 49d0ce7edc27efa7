"""The Brier score of the exceedance of grey levels, and its decomposition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rvd.metrics.base import GREY_LEVELS, Clip, EnsembleShape, Score
from rvd.metrics.entry import MetricEntry, ScoredEnsemble
from rvd.metrics.labels import ScoreLabel


class Exceedance:
    """Brier score, reliability, resolution and uncertainty, as means over thresholds.

    Their sum is exact, also that of the means: score = reliability − resolution + uncertainty.

    Args:
        shape: Shape of the ensemble file.
        thresholds: Thresholds in grey levels (0 … 255).
    """

    def __init__(self, shape: EnsembleShape, thresholds: Sequence[float]) -> None:
        self.shape, self.thresholds = shape, thresholds
        size = (len(thresholds), shape.horizon, 2, shape.ensemble + 1)
        self.counts = np.zeros(size, np.int64)

    def update(self, clip: Clip) -> None:
        """Count the clip's pixels by outcome and forecast probability."""
        from rvd.metrics.functional.exceedance import exceedance_counts

        levels = [level * clip.white / GREY_LEVELS for level in self.thresholds]
        self.counts += exceedance_counts(clip.samples, clip.truth, levels)

    def compute(self) -> Iterator[Score]:
        """Yield each score at each frame, then its mean over frames."""
        from rvd.metrics.functional.exceedance import brier_terms

        terms = brier_terms(self.counts)
        listed = ", ".join(f"{level:g}" for level in self.thresholds)
        about = f"of values above {listed} on the 0-255 scale, mean over thresholds"
        binned = f"{about}; bins of width 0.1"
        rows = {
            "brier_score": (terms.score, about),
            "brier_fair": (terms.fair, f"fair estimator {about}"),
            "brier_reliability": (terms.reliability, binned),
            "brier_resolution": (terms.generalised_resolution, binned),
            "brier_uncertainty": (terms.uncertainty, about),
        }
        size = (self.shape.clips, self.shape.ensemble)
        for name, (values, protocol) in rows.items():
            if name == "brier_fair" and self.shape.ensemble < 2:
                reason = "needs two members, there is one"
                yield Score(name, None, np.nan, *size, "", note=reason)
                continue
            means = values.mean(0)
            for frame, value in enumerate(means, 1):
                yield Score(name, frame, float(value), *size, protocol)
            yield Score(name, None, float(means.mean()), *size, protocol)


def exceedance(ensemble: ScoredEnsemble) -> Exceedance:
    """Return the Brier score of the settings' thresholds."""
    return Exceedance(ensemble.shape, ensemble.settings.exceedance_thresholds)


ENTRIES = (
    MetricEntry(
        name="brier_score",
        scores={
            "brier_score": ScoreLabel("Brier score", 4),
            "brier_fair": ScoreLabel("fair Brier score", 4),
            "brier_reliability": ScoreLabel("Brier reliability", 4),
            "brier_resolution": ScoreLabel("Brier resolution", 4, higher_is_better=True),
            "brier_uncertainty": ScoreLabel("Brier uncertainty", 4),
        },
        build=exceedance,
    ),
)
