"""PSNR and SSIM: the mean over the ensemble, and the best member."""

from __future__ import annotations

from rvd.metrics.entry import MetricEntry, ScoredEnsemble
from rvd.metrics.labels import ScoreLabel
from rvd.metrics.means import FrameMeans, largest, member_means


def peak_signal_to_noise(ensemble: ScoredEnsemble) -> FrameMeans:
    """Return the peak signal-to-noise ratio."""
    from rvd.metrics.functional.image_quality import psnr

    return member_means("psnr", ensemble.shape, psnr, largest)


def structural_similarity(ensemble: ScoredEnsemble) -> FrameMeans:
    """Return the structural similarity."""
    from rvd.metrics.functional.image_quality import ssim

    return member_means("ssim", ensemble.shape, ssim, largest)


ENTRIES = (
    MetricEntry(
        name="psnr",
        scores={
            "psnr": ScoreLabel("PSNR", 2, "dB", higher_is_better=True),
            "psnr_best": ScoreLabel("PSNR (best)", 2, "dB", higher_is_better=True),
        },
        build=peak_signal_to_noise,
    ),
    MetricEntry(
        name="ssim",
        scores={
            "ssim": ScoreLabel("SSIM", 3, higher_is_better=True),
            "ssim_best": ScoreLabel("SSIM (best)", 3, higher_is_better=True),
        },
        build=structural_similarity,
    ),
)
