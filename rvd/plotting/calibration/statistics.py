"""Statistics of ensembles that the figures of this package show, read clip by clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.metrics.base import GREY_LEVELS
from rvd.metrics.entry import EXCEEDANCE_THRESHOLDS
from rvd.metrics.functional.calibration import rank_histogram, variance_and_error
from rvd.metrics.functional.exceedance import exceedance_counts
from rvd.metrics.functional.spectrum import log_spectrum
from rvd.plotting.stored import StoredEnsembles

# Clips that are read of each model: at full size, a clip takes seconds.
MOST_CLIPS = 16

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ModelStatistics:
    """Statistics of one model's forecasts, over clips and pixels.

    Attributes:
        size: Number of members, S.
        deterministic: True if the members of each clip are equal, or there is one.
        ranks: Number of values at which the truth has each rank, (frame, S + 1).
        variance: Variance of the members in squared grey levels, (frame); 0 for one member.
        error: Squared error of the members' mean in squared grey levels, (frame).
        counts: Outcomes and numbers of exceeding members, (threshold, frame, 2, S + 1).
        spectrum: Mean log power spectrum of the members in dB, (frame, shell).
    """

    size: int
    deterministic: bool
    ranks: NDArray[np.int64]
    variance: Values
    error: Values
    counts: NDArray[np.int64]
    spectrum: Values


@dataclass(frozen=True)
class EnsembleStatistics:
    """Statistics of each model's forecasts of one dataset.

    Attributes:
        dataset: Name of the dataset.
        clips: Number of clips that were read.
        thresholds: Thresholds in grey levels (0 … 255).
        spectra: Log power spectra of the truth in dB, (clip, frame, shell).
        models: Statistics by model, in the order in which they are shown.
    """

    dataset: str
    clips: int
    thresholds: tuple[float, ...]
    spectra: Values
    models: Mapping[str, ModelStatistics]

    @property
    def stochastic(self) -> dict[str, ModelStatistics]:
        """The models whose members differ."""
        return {name: model for name, model in self.models.items() if not model.deterministic}


def ensemble_statistics(
    stored: StoredEnsembles,
    thresholds: Sequence[float] = EXCEEDANCE_THRESHOLDS,
    most_clips: int = MOST_CLIPS,
) -> EnsembleStatistics:
    """Return the statistics of each model, from at most ``most_clips`` clips, evenly spread.

    Args:
        stored: Ensemble files of one dataset.
        thresholds: Thresholds in grey levels (0 … 255).
        most_clips: Largest number of clips.

    Raises:
        UserError: A file cannot be read.
    """
    count = min(stored.clips, most_clips)
    chosen = [index * stored.clips // count for index in range(count)]
    models = {model: _of_model(path, chosen, thresholds) for model, path in stored.paths.items()}
    with EnsembleFile(next(iter(stored.paths.values()))) as file:
        truths = [log_spectrum(file.truth[index], file.white).mean(1) for index in chosen]
    return EnsembleStatistics(stored.dataset, count, tuple(thresholds), np.stack(truths), models)


def _of_model(path: Path, clips: Sequence[int], thresholds: Sequence[float]) -> ModelStatistics:
    with EnsembleFile(path) as file:
        size, horizon, edge = file.shape.ensemble, file.shape.horizon, min(file.shape.frame[:2])
        scale = GREY_LEVELS / file.white
        levels = [level / scale for level in thresholds]
        generator = np.random.default_rng(0)
        ranks = np.zeros((horizon, size + 1), np.int64)
        counts = np.zeros((len(levels), horizon, 2, size + 1), np.int64)
        moments, spectrum = np.zeros((2, horizon)), np.zeros((horizon, edge // 2))
        deterministic = True
        for clip in clips:
            samples, truth = file.samples[clip], file.truth[clip]
            deterministic &= bool((samples == samples[:1]).all())
            for frame in range(horizon):
                ranks[frame] += rank_histogram(samples[:, frame], truth[frame], generator)
            counts += exceedance_counts(samples, truth, levels)
            moments += _moments(samples, truth) * scale**2 / len(clips)
            for member in samples:
                spectrum += log_spectrum(member, file.white).mean(1) / (size * len(clips))
    return ModelStatistics(size, deterministic, ranks, moments[0], moments[1], counts, spectrum)


def _moments(samples: NDArray, truth: NDArray) -> Values:
    """Return variance and squared error by frame, (2, frame)."""
    if len(samples) == 1:
        # Two equal members have the mean of the one, and no variance.
        samples = np.repeat(samples, 2, axis=0)
    return np.stack(variance_and_error(samples, truth))
