"""The physics scores of vorticity as metrics of the scorer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rvd.evaluation.ensembles.ensemble_file import EnsembleShape
from rvd.metrics.base import ByFrame, Clip, Score, Values
from rvd.metrics.functional.vorticity import enstrophy, spectrum_distance, strouhal

SHORTEST_RECORD = 6  # future frames, from which a frequency can be told


def enstrophy_error(shape: EnsembleShape) -> ByFrame:
    """How far the forecasts' enstrophy is from the truth's, relative to it."""

    def values(clip: Clip) -> list[Values]:
        forecast, truth = (enstrophy(flow) for flow in clip.physical)
        return [np.abs(forecast / truth - 1).mean(0)]

    words = "|forecast's / truth's − 1|, mean over members and clips"
    return ByFrame({"enstrophy": words}, shape, values)


def spectrum_error(shape: EnsembleShape) -> ByFrame:
    """The distance of vorticity spectra in decibels."""

    def values(clip: Clip) -> list[Values]:
        return [spectrum_distance(*clip.physical).mean(0)]

    words = (
        "r.m.s. over wavenumbers of the ratio of Hann-windowed spectra, mean over members and clips"
    )
    return ByFrame({"spectrum": words}, shape, values)


class StrouhalError:
    """How far the shedding frequency of the forecasts is from the truth's, as Strouhal number.

    Args:
        shape: of the ensemble file.
        diameter: of the obstacle, cells.
        distance: that the inflow moves from frame to frame, cells.
    """

    def __init__(self, shape: EnsembleShape, diameter: float, distance: float) -> None:
        self.shape, self.diameter, self.distance = shape, diameter, distance
        self.errors: list[float] = []
        self.truths: list[float] = []

    def add(self, clip: Clip) -> None:
        """Compare the clip's frequencies; a flow that stands still has the frequency 0."""
        forecast, truth = (
            np.nan_to_num(strouhal(flow, self.diameter, self.distance)) for flow in clip.physical
        )
        self.errors.append(float(np.abs(forecast - truth).mean()))
        self.truths.append(float(truth))

    def scores(self) -> Iterator[Score]:
        """One row: a frequency is of all frames together."""
        words = (
            "|forecast's − truth's| by a least-squares sinusoid over the future frames in the "
            f"frame's middle, mean over members and clips; truth {np.mean(self.truths):.3f}"
        )
        value, shape = float(np.mean(self.errors)), self.shape
        yield Score("strouhal", None, value, shape.clips, shape.ensemble, words)
