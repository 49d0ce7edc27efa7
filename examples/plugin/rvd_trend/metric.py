"""The error of the ensemble mean's brightness."""

from __future__ import annotations

import numpy as np

from rvd.metrics.base import GREY_LEVELS, Clip, Values
from rvd.metrics.entry import ScoredEnsemble
from rvd.metrics.means import FrameMeans


def bias(ensemble: ScoredEnsemble) -> FrameMeans:
    """Return the absolute error of a frame's mean brightness, averaged over clips."""

    def values(clip: Clip) -> list[Values]:
        forecast = clip.samples.mean((0, 2, 3, 4))  # over members and pixels
        truth = clip.truth.mean((1, 2, 3))
        return [np.abs(forecast - truth) * GREY_LEVELS / clip.white]

    return FrameMeans({"bias": "mean brightness on the 0-255 scale"}, ensemble.shape, values)
