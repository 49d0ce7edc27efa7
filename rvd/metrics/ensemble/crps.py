"""The continuous ranked probability score: the paper's estimator (section 3.4) and the fair one."""

from __future__ import annotations

from rvd.metrics.base import GREY_LEVELS, Clip, Values
from rvd.metrics.entry import MetricEntry, ScoredEnsemble, why_not_fair
from rvd.metrics.labels import ScoreLabel
from rvd.metrics.means import FrameMeans

PROTOCOL = "{} ensemble estimator per pixel on the 0-255 scale, mean over pixels and clips"


def biased(ensemble: ScoredEnsemble) -> FrameMeans:
    """Return the paper's CRPS, whose value depends on the number of members."""

    def values(clip: Clip) -> list[Values]:
        return [clip.crps.mean((1, 2, 3))]

    return FrameMeans({"crps": PROTOCOL.format("biased")}, ensemble.shape, values)


def fair(ensemble: ScoredEnsemble) -> FrameMeans:
    """Return the fair CRPS, whose expectation is the same for any number of members."""
    from rvd.metrics.functional.crps import fair_crps

    def values(clip: Clip) -> list[Values]:
        maps = fair_crps(clip.samples, clip.truth)
        return [maps.mean((1, 2, 3)) * GREY_LEVELS / clip.white]

    return FrameMeans({"crps_fair": PROTOCOL.format("fair")}, ensemble.shape, values)


ENTRIES = (
    MetricEntry(
        name="crps",
        scores={"crps": ScoreLabel("CRPS", 2, "grey levels", paper_column=3)},
        build=biased,
    ),
    MetricEntry(
        name="crps_fair",
        scores={"crps_fair": ScoreLabel("fair CRPS", 2, "grey levels")},
        build=fair,
        why_not=why_not_fair,
    ),
)
