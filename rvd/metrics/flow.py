"""Physical scores of vorticity: enstrophy, spectrum and Strouhal number."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rvd.metrics.base import Clip, EnsembleShape, Score, Values
from rvd.metrics.entry import MetricEntry, ScoredEnsemble
from rvd.metrics.labels import ScoreLabel
from rvd.metrics.means import FrameMeans

SHORTEST_RECORD = 6  # future frames in which a frequency can be measured


def enstrophy_error(ensemble: ScoredEnsemble) -> FrameMeans:
    """Return the relative error of the forecasts' enstrophy."""
    from rvd.metrics.functional.vorticity import enstrophy

    def values(clip: Clip) -> list[Values]:
        forecast, truth = (enstrophy(flow) for flow in clip.physical)
        return [np.abs(forecast / truth - 1).mean(0)]

    protocol = "|forecast's / truth's − 1|, mean over members and clips"
    return FrameMeans({"enstrophy": protocol}, ensemble.shape, values)


def spectrum_error(ensemble: ScoredEnsemble) -> FrameMeans:
    """Return the distance between the vorticity spectra of forecasts and truth, in decibels."""
    from rvd.metrics.functional.vorticity import spectrum_distance

    def values(clip: Clip) -> list[Values]:
        return [spectrum_distance(*clip.physical).mean(0)]

    protocol = (
        "r.m.s. over wavenumbers of the ratio of Hann-windowed spectra, mean over members and clips"
    )
    return FrameMeans({"spectrum": protocol}, ensemble.shape, values)


class StrouhalError:
    """Error of the forecasts' shedding frequency, as a Strouhal number.

    Args:
        shape: Shape of the ensemble file.
        diameter: Diameter of the obstacle, in cells.
        distance: Distance that the inflow moves from frame to frame, in cells.
    """

    def __init__(self, shape: EnsembleShape, diameter: float, distance: float) -> None:
        self.shape, self.diameter, self.distance = shape, diameter, distance
        self.errors: list[float] = []
        self.truths: list[float] = []

    def update(self, clip: Clip) -> None:
        """Compare the clip's frequencies; that of a flow at rest is 0."""
        from rvd.metrics.functional.vorticity import strouhal

        forecast, truth = (
            np.nan_to_num(strouhal(flow, self.diameter, self.distance)) for flow in clip.physical
        )
        self.errors.append(float(np.abs(forecast - truth).mean()))
        self.truths.append(float(truth))

    def compute(self) -> Iterator[Score]:
        """Yield one row, as a frequency belongs to all frames together."""
        protocol = (
            "|forecast's − truth's| by a least-squares sinusoid over the future frames in the "
            f"frame's middle, mean over members and clips; truth {np.mean(self.truths):.3f}"
        )
        value, shape = float(np.mean(self.errors)), self.shape
        yield Score("strouhal", None, value, shape.clips, shape.ensemble, protocol)


def strouhal_error(ensemble: ScoredEnsemble) -> StrouhalError:
    """Return the error of the Strouhal number, for the flow of the settings."""
    flow = ensemble.settings.flow
    assert flow is not None  # checked by _why_not_strouhal
    return StrouhalError(ensemble.shape, flow.diameter, flow.velocity * flow.interval)


def _why_not(ensemble: ScoredEnsemble) -> str | None:
    return None if ensemble.signed else "is of vorticity; these frames are not signed"


def _why_not_strouhal(ensemble: ScoredEnsemble) -> str | None:
    if reason := _why_not(ensemble):
        return reason
    if ensemble.settings.flow is None:
        return "the config describes no simulated flow"
    if ensemble.shape.horizon < SHORTEST_RECORD:
        return f"needs {SHORTEST_RECORD} future frames, there are {ensemble.shape.horizon}"
    return None


ENTRIES = (
    MetricEntry(
        name="enstrophy",
        scores={"enstrophy": ScoreLabel("enstrophy error", 3)},
        build=enstrophy_error,
        why_not=_why_not,
    ),
    MetricEntry(
        name="spectrum",
        scores={"spectrum": ScoreLabel("spectrum", 1, "dB")},
        build=spectrum_error,
        why_not=_why_not,
    ),
    MetricEntry(
        name="strouhal",
        scores={"strouhal": ScoreLabel("Strouhal error", 4)},
        build=strouhal_error,
        why_not=_why_not_strouhal,
    ),
)
