"""Radially averaged power spectra of frames, and the CRPS of their logarithm."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Shaped
from numpy.typing import NDArray

from rvd.metrics.functional.crps import check_shapes, fair_crps

GREY_LEVELS = 255.0
# Variance of the error of rounding to whole grey levels.
ROUNDING = 1 / 12


def spectrum(
    frames: Float[np.ndarray, "*frames height width"],
) -> Float[np.ndarray, "*frames shell"]:
    """Return the power of frames in shells of wavenumber 1, 2, … to the Nyquist wavenumber.

    Wavenumbers are in cycles per frame edge (the shorter edge). A Hann window removes the jump from
    edge to opposite edge, which would spread over the whole spectrum.

    Returns:
        Mean power per mode in each shell, in the frames' unit squared.
    """
    height, width = frames.shape[-2:]
    modes = np.fft.rfft2(frames.astype(np.float64) * _window(height, width), norm="forward")
    power = np.square(np.abs(modes))
    edge = min(height, width)
    y = np.fft.fftfreq(height, 1 / edge)[:, None]
    x = np.fft.rfftfreq(width, 1 / edge)
    shells = np.rint(np.hypot(y, x)).astype(int)
    count = edge // 2
    inside = (shells >= 1) & (shells <= count)
    members = np.eye(count)[shells[inside] - 1]  # (mode, shell)
    return power[..., inside] @ (members / members.sum(0))


def log_spectrum(
    frames: Shaped[np.ndarray, "frame height width channel"], white: float
) -> Float[np.ndarray, "frame channel shell"]:
    """Return the radially averaged power spectrum of each channel, in decibels.

    The mean of each frame is subtracted, as the window would spread it to the lowest wavenumbers.
    Power is clamped from below at that of rounding to grey levels: less is no visible structure,
    and its logarithm would dominate.

    Args:
        frames: Frames as stored, integers or floats.
        white: Stored value of white: 255 for bytes, 1 for floats.

    Returns:
        10·log₁₀ of the power per mode in squared grey levels (0 … 255); see :func:`spectrum`.
    """
    grey = np.moveaxis(frames, -1, 1).astype(np.float64) * (GREY_LEVELS / white)
    height, width = grey.shape[-2:]
    least = ROUNDING * np.square(_window(height, width)).mean() / (height * width)
    power = spectrum(grey - grey.mean((-2, -1), keepdims=True))
    return 10 * np.log10(np.maximum(power, least))


def spectral_crps(
    ensemble: Shaped[np.ndarray, "member frame height width channel"],
    truth: Shaped[np.ndarray, "frame height width channel"],
    white: float,
) -> Float[np.ndarray, " frame"]:
    """Return the fair CRPS of the log power spectrum of each frame, mean over shells and channels.

    It detects blur (too little power at large wavenumbers) and noise (too much), wherever they are.
    It is proper for the power in each shell, but ignores positions: it complements CRPS.

    Memory beyond the arguments is that of one member in complex128, and the spectra.

    Args:
        ensemble: Forecasts as stored, at least two members; frames have edges of at least 2 pixels.
        truth: Recorded frames as stored.
        white: Stored value of white: 255 for bytes, 1 for floats.

    Returns:
        CRPS, (frame), in decibels; smaller is better. Single values may be negative.

    Raises:
        ValueError: Shapes differ, or there are fewer than two members.
    """
    check_shapes(tuple(ensemble.shape), tuple(truth.shape), 2)
    spectra = np.stack([log_spectrum(member, white) for member in ensemble])
    return fair_crps(spectra, log_spectrum(truth, white)).mean((1, 2))


def _window(height: int, width: int) -> NDArray[np.float64]:
    return np.outer(_hann(height), _hann(width))


def _hann(size: int) -> NDArray[np.float64]:
    return np.square(np.sin(np.pi * (np.arange(size) + 0.5) / size))
