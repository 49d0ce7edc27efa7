"""The Fréchet distance of two samples, its floor and its interval.

The Fréchet video distance (FVD; Unterthiner et al., 2018) is the squared 2-Wasserstein distance of
two Gaussians fitted to I3D's logits of real and of generated clips. It is biased upwards for few
clips, so a value belongs to a protocol (:class:`rvd.metrics.fvd.FvdProtocol`) and a number of clips
(``docs/metrics.md``).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Features = Float[np.ndarray, "clip feature"]

REPLICATES = 200  # of the bootstrap
SPLITS = 20  # of the real clips, over which the floor is averaged


def frechet_distance(
    a: Float[np.ndarray, "clip_a feature_a"], b: Float[np.ndarray, "clip_b feature_b"]
) -> float:
    """Return |μ_a − μ_b|² + tr(Σ_a + Σ_b − 2·√(Σ_a Σ_b)) of two samples, covariances over N − 1.

    With A and B the centred samples over √(N − 1), tr √(Σ_a Σ_b) is the nuclear norm of A·Bᵀ:
    real always, where a matrix square root of singular covariances is not.

    Args:
        a: First sample, (clip, feature), at least two clips.
        b: Second sample, not necessarily of as many clips.

    Raises:
        ValueError: There are fewer than two clips, or the features differ in number.
    """
    if min(len(a), len(b)) < 2 or a.shape[1:] != b.shape[1:]:
        raise ValueError(f"no distance between samples of shapes {a.shape} and {b.shape}")
    root_a, root_b = _root(a), _root(b)
    means = np.square(a.mean(0, np.float64) - b.mean(0, np.float64)).sum()
    traces = np.square(root_a).sum() + np.square(root_b).sum()
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    return max(float(means + traces - 2 * cross), 0.0)


def _root(sample: Features) -> NDArray[np.float64]:
    """Return R with RᵀR the sample's covariance, of at most as many rows as features."""
    wide = sample.astype(np.float64)
    centred = (wide - wide.mean(0)) / np.sqrt(len(sample) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r")) if len(wide) > wide.shape[1] else centred


def floor(real: Features, count: int, seed: int = 0) -> tuple[float, int]:
    """Return the distance between real clips and other real ones, the mean over random splits.

    Args:
        real: Features of the real clips, (clip, feature), at least four clips.
        count: Number of clips that the score compares; the halves have as many where possible.
        seed: Seed of the splits.

    Returns:
        The distance, and the number of clips on each side: fewer than ``count`` bias it upwards.

    Raises:
        ValueError: There are fewer than four clips.
    """
    half = min(count, len(real) // 2)
    if half < 2:
        raise ValueError(f"{len(real)} clips cannot be split")
    generator = np.random.default_rng(seed)
    orders = (generator.permutation(len(real)) for _ in range(SPLITS))
    distances = [
        frechet_distance(real[order[:half]], real[order[half : 2 * half]]) for order in orders
    ]
    return float(np.mean(distances)), half


def interval(real: Features, generated: Features, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of the distance: ±1.96 bootstrap standard errors.

    Clips are resampled together with their forecasts. Only the spread of these distances is used:
    their mean is biased upwards, as clips that are sampled twice make the samples smaller.

    Args:
        real: Features of the real clips, (clip, feature).
        generated: Features of the same clips' forecasts, (clip, feature).
        seed: Seed of the bootstrap.
    """
    generator = np.random.default_rng(seed)
    replicates = generator.integers(0, len(real), (REPLICATES, len(real)))
    distances = [frechet_distance(real[chosen], generated[chosen]) for chosen in replicates]
    error = 1.96 * float(np.std(distances, ddof=1))
    centre = frechet_distance(real, generated)
    return max(centre - error, 0.0), centre + error
