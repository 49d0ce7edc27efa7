"""The variogram score of whole frames (Scheuerer and Hamill, 2015)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float, Int, Shaped

from rvd.metrics.functional.crps import check_shapes
from rvd.metrics.functional.multivariate.variogram_kernels import weighted_sum

# The usual order, for which a few large differences do not dominate.
ORDER = 0.5
# Largest distance of a pair, in pixels: 24 pairs per pixel.
RADIUS = 4


def neighbours(radius: int) -> tuple[Int[np.ndarray, "pair 2"], Float[np.ndarray, " pair"]]:
    """Return the pairs of a pixel with those at most ``radius`` away, each pair once.

    Args:
        radius: Largest Euclidean distance, in pixels, at least 1.

    Returns:
        Offset (down, right) of the other pixel, and the pair's weight 1 / distance. Weights are
        free in the score of Scheuerer and Hamill (2015): near pixels depend on each other most, and
        far pairs mostly add noise.

    Raises:
        ValueError: ``radius`` is below 1.
    """
    if radius < 1:
        raise ValueError(f"there are no pairs of pixels within a distance of {radius}")
    down, right = np.mgrid[0 : radius + 1, -radius : radius + 1].reshape(2, -1)
    once = ((down > 0) | (right > 0)) & (down**2 + right**2 <= radius**2)
    offsets = np.stack([down[once], right[once]], 1).astype(np.int64)
    return offsets, 1 / np.hypot(offsets[:, 0], offsets[:, 1])


def variogram_score(
    ensemble: Shaped[np.ndarray, "member frame height width channel"],
    truth: Shaped[np.ndarray, "frame height width channel"],
    order: float = ORDER,
    radius: int = RADIUS,
    threads: int = 1,
) -> Float[np.ndarray, " frame"]:
    """Return the fair variogram score of each frame: errors of the differences between pixels.

    Σ_ij w_ij ((|x_i − x_j|^p − mean_s |X_si − X_sj|^p)² − v_ij / S) / Σ_ij w_ij over the pairs of
    :func:`neighbours` within one channel, where v_ij is the variance (over S − 1) of |X_i − X_j|^p
    among the members. Without v_ij / S it is the score of Scheuerer and Hamill (2015), whose
    expectation decreases as S grows; with it, it is the same for every S. Division by the sum of
    weights makes frames of different sizes comparable.

    It detects a wrong dependence between pixels, such as blur or noise, which a score of single
    pixels does not. It ignores a bias that all pixels share, and the sign of differences.

    Memory beyond the arguments is two rows of a frame per thread.

    Args:
        ensemble: Forecasts, at least two members, integers or floats.
        truth: Recorded frames, in the same unit.
        order: Order p, above 0.
        radius: Largest distance of a pair, in pixels.
        threads: Number of threads that share the frames.

    Returns:
        Variogram score, (frame), float64, in the unit of the frames to the power 2p; smaller is
        better. Single values may be negative. NaN for a frame of one pixel.

    Raises:
        ValueError: Shapes differ, there are fewer than two members, or ``order`` or ``radius`` are
            too small.
    """
    check_shapes(tuple(ensemble.shape), tuple(truth.shape), 2)
    if not order > 0:
        raise ValueError(f"the order of a variogram is above 0, not {order}")
    offsets, weights = neighbours(radius)
    size, frames, height, width, channels = ensemble.shape
    members = np.ascontiguousarray(ensemble).reshape(size, frames, height, width * channels)
    truths = np.ascontiguousarray(truth).reshape(frames, height, width * channels)
    pairs = channels * np.prod(np.maximum((height, width) - np.abs(offsets), 0), 1)
    strides = offsets * (1, channels)

    def score(frame: int) -> float:
        scratch = np.empty((2, width * channels))
        return weighted_sum(members, truths, frame, strides, weights, order, scratch)

    with ThreadPoolExecutor(threads) as pool:
        sums = np.asarray(list(pool.map(score, range(frames))), np.float64)
    with np.errstate(invalid="ignore"):
        return sums / (pairs @ weights)
