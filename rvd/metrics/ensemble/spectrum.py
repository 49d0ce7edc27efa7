"""The CRPS of the power spectrum of each frame."""

from __future__ import annotations

from rvd.metrics.base import Clip, Values
from rvd.metrics.entry import MetricEntry, ScoredEnsemble, why_not_fair
from rvd.metrics.labels import ScoreLabel
from rvd.metrics.means import FrameMeans


def spectral(ensemble: ScoredEnsemble) -> FrameMeans:
    """Return the fair CRPS of the radially averaged log power spectrum."""
    from rvd.metrics.functional.spectrum import spectral_crps

    def values(clip: Clip) -> list[Values]:
        return [spectral_crps(clip.samples, clip.truth, clip.white)]

    protocol = (
        "fair CRPS of the Hann-windowed, radially averaged power spectrum in dB, not below the "
        "power of rounding to grey levels; mean over wavenumbers, channels and clips"
    )
    return FrameMeans({"spectral_crps": protocol}, ensemble.shape, values)


def _why_not(ensemble: ScoredEnsemble) -> str | None:
    edge = min(ensemble.shape.frame[:2])
    if edge < 2:
        return f"needs an edge of 2 pixels, a frame has {edge}"
    return why_not_fair(ensemble)


ENTRIES = (
    MetricEntry(
        name="spectral_crps",
        scores={"spectral_crps": ScoreLabel("spectral CRPS", 3, "dB")},
        build=spectral,
        why_not=_why_not,
    ),
)
