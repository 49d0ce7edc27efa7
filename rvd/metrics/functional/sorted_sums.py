"""Sums over sorted members, for many pixels at once: the computation that CRPS consists of.

The members of a block of pixels are sorted by a network of comparisons that are the same for each
pixel, so that a processor does those of 8 to 32 pixels in one instruction.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Shaped
from numpy.typing import NDArray

from rvd.metrics.functional.sorted_sums_kernels import BLOCK, accumulate

# Fewest pixels for which a further thread pays off.
SHARE = 8192
# Most members for which sums of differences of grey levels stay below 2¹⁶.
MOST_BYTES = 257


def sums(
    members: Shaped[np.ndarray, "member pixel"],
    truth: Shaped[np.ndarray, " pixel"],
    threads: int = 1,
) -> tuple[Float[np.ndarray, " pixel"], Float[np.ndarray, " pixel"]]:
    """Return Σ_s |X_s − x| and Σ_{s<t} |X_s − X_t| of each pixel; NaN where a value is NaN.

    Bytes are summed as integers, other types in float64.

    Args:
        members: Forecasts, integers or floats; types wider than float32 are sorted as float64.
        truth: Recorded values, integers or floats.
        threads: Number of threads that share the pixels.
    """
    size, pixels = members.shape
    kind = _kind(np.result_type(members, truth), size)
    values = np.ascontiguousarray(members, kind)
    given = values, values.view(_KEYS[kind]), np.ascontiguousarray(truth, kind)
    network, found = sorting_network(size), np.empty((2, pixels))
    run, total = (np.uint16, np.uint32) if kind == np.uint8 else (np.float64, np.float64)

    def part(start: int) -> None:
        block = np.empty((size, BLOCK), _KEYS[kind])
        end = min(start + length, pixels)
        scratch = block, np.empty(BLOCK, run), np.empty(BLOCK, total)
        accumulate(*given, start, end, *network, *scratch, *found)

    length = max(-(-pixels // threads), SHARE)
    starts = range(0, pixels, length)
    if len(starts) > 1:
        with ThreadPoolExecutor(len(starts)) as pool:
            list(pool.map(part, starts))
    elif pixels:
        part(0)
    return found[0], found[1]


# Integers that order as the numbers of the same bits, except for negative ones: see _ordered.
_KEYS = {np.dtype(of): np.dtype(key) for of, key in (("u1", "u1"), ("f4", "i4"), ("f8", "i8"))}


def _kind(found: np.dtype, size: int) -> np.dtype:
    """Return the type in which values are sorted, which represents those of ``found`` exactly."""
    if found == np.uint8 and size <= MOST_BYTES:
        return np.dtype(np.uint8)
    small = found.itemsize <= (4 if found.kind == "f" else 2)
    return np.dtype(np.float32 if small else np.float64)


@lru_cache(maxsize=16)
def sorting_network(size: int) -> tuple[NDArray[np.uintp], NDArray[np.uintp]]:
    """Return pairs of places to compare, in order: the smaller value goes to the first place.

    Batcher's merge exchange (Knuth, The Art of Computer Programming 3, algorithm 5.2.2M): 1,077
    comparisons for 100 members.
    """
    found = []
    top = 1 << (max(size - 1, 1).bit_length() - 1)
    part = top
    while part:
        step, rest, distance = top, 0, part
        while True:
            found += [(i, i + distance) for i in range(size - distance) if i & part == rest]
            if step == part:
                break
            step, rest, distance = step // 2, part, step - part
        part //= 2
    lower, upper = np.asarray(found, np.uintp).reshape(-1, 2).T
    return np.ascontiguousarray(lower), np.ascontiguousarray(upper)
