"""The energy score of whole frames (Gneiting and Raftery, 2007, section 4.3)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Shaped
from numpy.typing import NDArray

from rvd.metrics.functional.crps import check_shapes

# Values that are converted to float64 at once: 8 MB.
CHUNK = 1 << 20


def energy_score(
    ensemble: Shaped[np.ndarray, "member frame ..."],
    truth: Shaped[np.ndarray, " frame ..."],
    chunk: int = CHUNK,
) -> Float[np.ndarray, " frame"]:
    """Return the fair energy score of each frame, over all of its pixels and channels.

    mean_s ‖X_s − x‖ − Σ_{s≠t} ‖X_s − X_t‖ / (2S(S − 1)) with Euclidean norms: the CRPS with a frame
    in place of a number. S(S − 1) in place of S² makes its expectation the same for every S (Ferro,
    2014); single values may be negative. Equal members score their distance to the truth.

    Memory beyond the arguments is a few times ``chunk`` values: squared distances are summed over
    blocks of pixels.

    Args:
        ensemble: Forecasts, (member, frame, …), at least two members, integers or floats.
        truth: Recorded frames, (frame, …), in the same unit.
        chunk: Number of values, of all members together, that are processed at once.

    Returns:
        Energy score, (frame), float64, in the unit of the frames; smaller is better. It grows with
        the square root of the number of values in a frame.

    Raises:
        ValueError: Shapes differ, or there are fewer than two members.
    """
    check_shapes(tuple(ensemble.shape), tuple(truth.shape), 2)
    size = len(ensemble)
    scores = [
        _score(ensemble[:, frame].reshape(size, -1), truth[frame].ravel(), max(chunk // size, 1))
        for frame in range(len(truth))
    ]
    return np.asarray(scores, np.float64)


def _score(members: NDArray, truth: NDArray, step: int) -> float:
    size = len(members)
    errors, products = np.zeros(size), np.zeros((size, size))
    for start in range(0, truth.size, step):
        block = members[:, start : start + step].astype(np.float64)
        deviation = block - truth[start : start + step]
        errors += np.einsum("sp,sp->s", deviation, deviation)
        # Distances of members do not depend on the origin. From the mean, the products are small,
        # so that less precision is lost where members are close to each other.
        block -= block.mean(0)
        products += block @ block.T
    squares = products.diagonal()
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * products, 0))
    return float(np.sqrt(errors).mean() - distances.sum() / (2 * size * (size - 1)))
