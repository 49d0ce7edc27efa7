"""What a physicist asks of a forecast of vorticity: enstrophy, spectrum, and shedding frequency."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Flow = Float[np.ndarray, "*frames height width"]

# Frequencies that are tried; a period longer than the record times this is not looked for.
FREQUENCIES = 512
LONGEST_PERIOD = 4 / 3


def enstrophy(vorticity: Flow) -> Float[np.ndarray, "*frames"]:
    """Half the mean squared vorticity of each frame, in the vorticity's unit squared."""
    return np.square(vorticity.astype(np.float64)).mean((-2, -1)) / 2


def spectrum(vorticity: Flow) -> Float[np.ndarray, "*frames shell"]:
    """The power of vorticity in shells of wavenumber 1, 2, … to the Nyquist one.

    Wavenumbers are in cycles per frame edge (of the shorter edge). A Hann window takes away the
    jump from edge to opposite edge, which would spread over the whole spectrum.

    Returns:
        mean power per mode in each shell, in the vorticity's unit squared.
    """
    height, width = vorticity.shape[-2:]
    window = np.outer(_hann(height), _hann(width))
    modes = np.fft.rfft2(vorticity.astype(np.float64) * window, norm="forward")
    power = np.square(np.abs(modes))
    edge = min(height, width)
    y = np.fft.fftfreq(height, 1 / edge)[:, None]
    x = np.fft.rfftfreq(width, 1 / edge)
    shells = np.rint(np.hypot(y, x)).astype(int)
    count = edge // 2
    inside = (shells >= 1) & (shells <= count)
    members = np.eye(count)[shells[inside] - 1]  # (mode, shell)
    return power[..., inside] @ (members / members.sum(0))


def spectrum_distance(forecast: Flow, truth: Flow) -> Float[np.ndarray, "*frames"]:
    """How far apart two spectra are: the root mean square of their ratio in decibels.

    0 for equal spectra, whatever the phases; a forecast of a tenth of the power at every
    wavenumber is at 10 dB. Power below 1e-12 of the truth's largest counts as that much.

    Args:
        forecast: (…, height, width).
        truth: of a shape that broadcasts to it.

    Returns:
        one number for each frame of ``forecast``, dB.
    """
    expected = spectrum(truth)
    least = 1e-12 * expected.max(-1, keepdims=True) + np.finfo(np.float64).tiny
    ratio = np.log10(np.maximum(spectrum(forecast), least) / np.maximum(expected, least))
    return 10 * np.sqrt(np.square(ratio).mean(-1))


def probe(vorticity: Float[np.ndarray, "*frames height width"]) -> Float[np.ndarray, "*frames"]:
    """Vorticity over time in the middle of the frame.

    On the wake's axis vortices of either sign pass by in turn, each once a shedding period.
    """
    height, width = vorticity.shape[-2:]
    return vorticity[..., height // 2, width // 2].astype(np.float64)


def frequency(signal: Float[np.ndarray, "*series time"]) -> Float[np.ndarray, "*series"]:
    """The frequency of the sinusoid (with a constant) that fits each series best, by least squares.

    A forecast has little more than one period, of which a Fourier transform would only say that it
    is about that; the fit is exact for a pure sinusoid.

    Args:
        signal: at least six instants.

    Returns:
        cycles per time step, from 3/4 of a cycle in the record to 1/2; NaN for a constant series.

    Raises:
        ValueError: the series are too short.
    """
    steps = signal.shape[-1]
    if steps < 6:
        raise ValueError(f"no frequency can be told from {steps} instants")
    tried = np.linspace(1 / (LONGEST_PERIOD * steps), 0.5, FREQUENCIES, endpoint=False)
    phase = 2 * np.pi * tried[:, None] * np.arange(steps)
    bases = np.stack([np.ones_like(phase), np.cos(phase), np.sin(phase)], -1)
    orthonormal = np.asarray(np.linalg.qr(bases)[0])  # (frequency, time, 3)
    centred = signal - signal.mean(-1, keepdims=True)
    explained = np.square(np.einsum("fti,...t->...fi", orthonormal, centred)).sum(-1)
    best = tried[explained.argmax(-1)]
    flat = np.square(centred).sum(-1) <= 1e-20 * np.square(signal).sum(-1)
    return np.where(flat, np.nan, best)


def strouhal(
    vorticity: Float[np.ndarray, "*series time height width"], diameter: float, distance: float
) -> Float[np.ndarray, "*series"]:
    """The shedding frequency at :func:`probe` as Strouhal number, f·D/U.

    Args:
        vorticity: frames at equal intervals.
        diameter: of the obstacle, D.
        distance: that the inflow moves from frame to frame, U·Δt, in the unit of ``diameter``.
    """
    return frequency(probe(vorticity)) * diameter / distance


def _hann(size: int) -> NDArray[np.float64]:
    return np.square(np.sin(np.pi * (np.arange(size) + 0.5) / size))
