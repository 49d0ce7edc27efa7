"""The Fréchet video distance (Unterthiner et al., 2018), with what it takes to compare it.

FVD is the squared 2-Wasserstein distance of two Gaussians fitted to I3D's logits of real and of
generated clips. It is biased upwards for few clips, so a value belongs to a :class:`Protocol` and a
number of clips (``docs/metrics.md``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.metrics.networks.i3d import SHORTEST, SIZE

Features = Float[np.ndarray, "clip feature"]

RESIZE = f"bilinear to {SIZE} × {SIZE} (half-pixel centres, no antialiasing)"
REPLICATES = 200  # of the bootstrap
SPLITS = 20  # of the real clips, over which the floor is averaged
FEW = 256  # clips below which a distance is not to be compared with published ones


@dataclass(frozen=True)
class FvdProtocol:
    """What is compared: how many clips, and whether they begin with the context.

    Attributes:
        name: the metric's name in the scores.
        least: fewer clips than this are refused.
        most: more clips than this are left out; None for all.
        context: whether the context frames stand before the future, in real and generated clips.
    """

    name: str
    least: int
    most: int | None
    context: bool

    def clips(self, available: int) -> int:
        """How many of the available clips are compared."""
        return min(available, self.most or available)

    def problem(self, available: int, context: int, horizon: int) -> str | None:
        """Why there is no distance, or None."""
        frames = horizon + (context if self.context else 0)
        if frames < SHORTEST:
            return f"I3D needs {SHORTEST} frames, a clip has {frames}"
        if available < self.least:
            return f"needs {self.least} clips, there are {available}"
        return None

    def words(self, available: int, context: int, horizon: int) -> str:
        """The protocol as it stands beside the score."""
        frames = f"{context} context and " if self.context else ""
        count = self.clips(available)
        few = f"; N < {FEW}: compare within this table only" if count < FEW else ""
        return (
            f"N = {count} clips of {frames}{horizon} future frames, one member each, against as "
            f"many real; I3D of Kinetics-400, 400 logits, float32, {RESIZE}{few}"
        )


PROTOCOLS = {
    "paper": FvdProtocol("fvd", 2, 50, context=False),
    "standard": FvdProtocol("fvd_standard", FEW, None, context=False),
    "standard, with context": FvdProtocol("fvd_standard_context", FEW, None, context=True),
}


def frechet_distance(a: Features, b: Features) -> float:
    """|μ_a − μ_b|² + tr(Σ_a + Σ_b − 2·√(Σ_a Σ_b)) of two samples, covariances over N − 1.

    With A and B the centred samples over √(N − 1), tr √(Σ_a Σ_b) is the nuclear norm of A·Bᵀ:
    real always, where a matrix square root of singular covariances is not.

    Args:
        a: (clip, feature), at least two clips.
        b: the same, not necessarily as many clips.

    Raises:
        ValueError: there are fewer than two clips, or the features differ in number.
    """
    if min(len(a), len(b)) < 2 or a.shape[1:] != b.shape[1:]:
        raise ValueError(f"no distance between samples of shapes {a.shape} and {b.shape}")
    root_a, root_b = _root(a), _root(b)
    means = np.square(a.mean(0, np.float64) - b.mean(0, np.float64)).sum()
    traces = np.square(root_a).sum() + np.square(root_b).sum()
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    return max(float(means + traces - 2 * cross), 0.0)


def _root(sample: Features) -> NDArray[np.float64]:
    """A matrix R of at most as many rows as features, with RᵀR the sample's covariance."""
    wide = sample.astype(np.float64)
    centred = (wide - wide.mean(0)) / np.sqrt(len(sample) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r")) if len(wide) > wide.shape[1] else centred


def floor(real: Features, count: int, seed: int = 0) -> tuple[float, int]:
    """What real clips score against other real ones: the mean over random splits.

    Args:
        real: (clip, feature), at least four clips.
        count: clips that the score compares; the halves have as many where there are enough.
        seed: of the splits.

    Returns:
        The distance, and the clips on each side: fewer than ``count`` bias it upwards.

    Raises:
        ValueError: there are fewer than four clips.
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
    """The 95 % interval of the distance: ±1.96 bootstrap standard errors.

    Clips are drawn anew with what was forecast of them. Only the spread of these distances is used:
    their mean is biased upwards, as clips that are drawn twice make the samples smaller.

    Args:
        real: (clip, feature).
        generated: the same clips' forecasts.
        seed: of the bootstrap.
    """
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, len(real), (REPLICATES, len(real)))
    distances = [frechet_distance(real[draw], generated[draw]) for draw in draws]
    error = 1.96 * float(np.std(distances, ddof=1))
    centre = frechet_distance(real, generated)
    return max(centre - error, 0.0), centre + error


def prepared(
    clips: Float[Tensor, "clip frame channel height width"],
) -> Float[Tensor, "clip 3 frame 224 224"]:
    """Clips in [0, 1], grey or colour, as I3D takes them: resized, RGB, in [−1, 1]."""
    resized = F.interpolate(clips.flatten(0, 1), (SIZE, SIZE), mode="bilinear", align_corners=False)
    colour = resized.expand(-1, 3, -1, -1).unflatten(0, clips.shape[:2])
    return 2 * colour.transpose(1, 2) - 1


@torch.inference_mode()
def features(
    network: nn.Module, clips: Float[Tensor, "clip frame channel height width"]
) -> Features:
    """I3D's logits of clips in [0, 1] of at least nine frames, float32."""
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    return network(prepared(clips.to(device, torch.float32))).float().cpu().numpy()
