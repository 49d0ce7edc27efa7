"""PSNR and SSIM of forecasts, computed by torchmetrics."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from rvd.metrics.networks.torchvision import import_torchvision

import_torchvision()  # before the package that needs it
from torchmetrics.functional.image import (  # noqa: E402
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

Frames = Float[Tensor, "member frame channel height width"]
Score = Float[Tensor, "member frame"]

# A perfect forecast has an infinite PSNR, which would make each mean infinite; 100 dB is an error
# of a thousandth of a grey level.
PSNR_CEILING = 100.0


def psnr(ensemble: Frames, truth: Float[Tensor, "frame channel height width"]) -> Score:
    """Return the peak signal-to-noise ratio of each member's frames, in dB, clamped at 100.

    Args:
        ensemble: Forecasts in [0, 1].
        truth: Recorded frames in [0, 1].
    """
    values = peak_signal_noise_ratio(
        ensemble.flatten(0, 1),
        truth.expand_as(ensemble).flatten(0, 1),
        data_range=1.0,
        dim=(1, 2, 3),
        reduction="none",
    )
    return values.clamp(max=PSNR_CEILING).unflatten(0, ensemble.shape[:2])


def ssim(ensemble: Frames, truth: Float[Tensor, "frame channel height width"]) -> Score:
    """Return the structural similarity (Gaussian window, σ = 1.5) of each member's frames.

    Args:
        ensemble: Forecasts in [0, 1].
        truth: Recorded frames in [0, 1].
    """
    values = structural_similarity_index_measure(
        ensemble.flatten(0, 1),
        truth.expand_as(ensemble).flatten(0, 1),
        data_range=1.0,
        reduction="none",
    )
    assert isinstance(values, Tensor)  # a tuple only when the full image is requested
    return values.unflatten(0, ensemble.shape[:2])
