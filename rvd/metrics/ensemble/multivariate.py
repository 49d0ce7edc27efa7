"""The energy score and the variogram score: each frame as a whole."""

from __future__ import annotations

from math import prod

from rvd.metrics.base import GREY_LEVELS, Clip, Values
from rvd.metrics.entry import MetricEntry, ScoredEnsemble, why_not_fair
from rvd.metrics.labels import ScoreLabel
from rvd.metrics.means import FrameMeans


def energy(ensemble: ScoredEnsemble) -> FrameMeans:
    """Return the fair energy score over the root of the number of values in a frame.

    So it does not grow with the frame: that of a deterministic forecast, were its members counted
    as one, is the root mean squared error.
    """
    from rvd.metrics.functional.multivariate.energy import energy_score

    root = prod(ensemble.shape.frame) ** 0.5

    def values(clip: Clip) -> list[Values]:
        found = energy_score(clip.samples, clip.truth)
        return [found * (GREY_LEVELS / clip.white / root)]

    protocol = (
        "fair estimator per frame on the 0-255 scale, norm √(mean over the frame's values of "
        "squares), mean over clips"
    )
    return FrameMeans({"energy_score": protocol}, ensemble.shape, values)


def variogram(ensemble: ScoredEnsemble) -> FrameMeans:
    """Return the fair variogram score of order 0.5, whose unit is that of the frames."""
    import torch

    from rvd.metrics.functional.multivariate.variogram import ORDER, RADIUS, variogram_score

    def values(clip: Clip) -> list[Values]:
        found = variogram_score(clip.samples, clip.truth, threads=torch.get_num_threads())
        return [found * (GREY_LEVELS / clip.white) ** (2 * ORDER)]

    protocol = (
        f"fair estimator of order {ORDER} per frame on the 0-255 scale, mean over pairs up to "
        f"{RADIUS} pixels apart with weights 1/distance, mean over clips"
    )
    return FrameMeans({"variogram_score": protocol}, ensemble.shape, values)


ENTRIES = (
    MetricEntry(
        name="energy_score",
        scores={"energy_score": ScoreLabel("energy score", 2, "grey levels")},
        build=energy,
        why_not=why_not_fair,
    ),
    MetricEntry(
        name="variogram_score",
        scores={"variogram_score": ScoreLabel("variogram score", 3, "grey levels")},
        build=variogram,
        why_not=why_not_fair,
    ),
)
