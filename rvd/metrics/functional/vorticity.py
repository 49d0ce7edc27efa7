"""Physical quantities of vorticity: enstrophy, spectrum, and shedding frequency."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rvd.metrics.functional.spectrum import spectrum

Flow = Float[np.ndarray, "*frames height width"]

FREQUENCIES = 512  # candidates of the fit
LONGEST_PERIOD = 4 / 3  # of the candidates, in lengths of the record


def enstrophy(vorticity: Flow) -> Float[np.ndarray, "*frames"] | np.float64:
    """Return half the mean squared vorticity of each frame, in the vorticity's unit squared."""
    return np.square(vorticity.astype(np.float64)).mean((-2, -1)) / 2


def spectrum_distance(
    forecast: Flow, truth: Float[np.ndarray, "*broadcast height width"]
) -> Float[np.ndarray, "*frames"] | np.float64:
    """Return the distance of two spectra: the root mean square of their ratio in decibels.

    It is 0 for equal spectra, whatever the phases, and 10 dB for a forecast with a tenth of the
    power at each wavenumber. Power is clamped from below at 1e-12 of the truth's largest.

    Args:
        forecast: Vorticity, (…, height, width).
        truth: Vorticity, of a shape that broadcasts to that of ``forecast``.

    Returns:
        Distance for each frame of ``forecast``, in dB.
    """
    expected = spectrum(truth)
    least = 1e-12 * expected.max(-1, keepdims=True) + np.finfo(np.float64).tiny
    ratio = np.log10(np.maximum(spectrum(forecast), least) / np.maximum(expected, least))
    return 10 * np.sqrt(np.square(ratio).mean(-1))


def probe(vorticity: Float[np.ndarray, "*frames height width"]) -> Float[np.ndarray, "*frames"]:
    """Return the vorticity over time in the middle of the frame.

    On the wake's axis vortices of both signs pass alternately, each once per shedding period.
    """
    height, width = vorticity.shape[-2:]
    return vorticity[..., height // 2, width // 2].astype(np.float64)


def frequency(
    signal: Float[np.ndarray, "*series time"],
) -> Float[np.ndarray, "*series"] | np.float64:
    """Return the frequency of the sinusoid (plus a constant) that fits each series best.

    The fit is by least squares. A forecast has little more than one period, whose length a Fourier
    transform would give only roughly; the fit is exact for a pure sinusoid.

    Args:
        signal: Series of at least six instants.

    Returns:
        Cycles per time step, from 3/4 of a cycle in the record to 1/2; NaN for a constant series.

    Raises:
        ValueError: The series are too short.
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
) -> Float[np.ndarray, "*series"] | np.float64:
    """Return the shedding frequency at :func:`probe` as Strouhal number, f·D/U.

    Args:
        vorticity: Frames at equal intervals.
        diameter: Diameter of the obstacle, D.
        distance: Distance that the inflow moves from frame to frame, U·Δt, in the unit of
            ``diameter``.
    """
    return frequency(probe(vorticity)) * diameter / distance
