"""Compiled loops of :mod:`rvd.metrics.functional.sorted_sums`, without annotated shapes."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

# Pixels sorted at once: their members stay in the processor's cache.
BLOCK = 512


@numba.njit(nogil=True, cache=True)
def accumulate(
    values: Any,
    keys: Any,
    truth: Any,
    first: int,
    last: int,
    lower: Any,
    upper: Any,
    block: Any,
    run: Any,
    total: Any,
    errors: Any,
    pairs: Any,
) -> None:
    """Write the sums of the pixels from ``first`` up to ``last`` to ``errors`` and ``pairs``.

    Args:
        values: Members (member, pixel).
        keys: The same memory as integers, which are compared in place of ``values``.
        truth: Recorded values (pixel).
        first: First pixel.
        last: Pixel after the last one.
        lower: First positions of the sorting network's comparisons.
        upper: Second positions of the comparisons.
        block: Memory for the members of ``BLOCK`` pixels.
        run: Memory for one partial sum per pixel of a block.
        total: Memory for the sum of the partial sums.
        errors: Result Σ_s |X_s − x| (pixel).
        pairs: Result Σ_{s<t} |X_s − X_t| (pixel).
    """
    size = len(values)
    for start in range(first, last, BLOCK):
        end = min(start + BLOCK, last)
        width = end - start
        _copy(keys[:, start:end], block)
        _add_distances(values[:, start:end], truth[start:end], run)
        for p in range(width):
            errors[start + p] = run[p]
        _ordered(block)
        _sort(block, lower, upper)
        _ordered(block)
        _pair_sums(block.view(values.dtype), run, total)
        for p in range(width):
            # Pair k from outside counts size − 1 − 2k times: twice that of `total`, minus one
            # for an even size.
            twice = 2.0 * total[p]
            pairs[start + p] = twice - run[p] if size % 2 == 0 else twice


@numba.njit(nogil=True, cache=True)
def _copy(rows: Any, block: Any) -> None:
    for s in range(len(rows)):
        source, place = rows[s], block[s]
        for p in range(source.size):
            place[p] = source[p]


@numba.njit(nogil=True, cache=True)
def _add_distances(rows: Any, truth: Any, error: Any) -> None:
    """Sum |X_s − x|; for bytes without negative numbers, which would need a wider type."""
    wide = error.dtype.type
    error[:] = 0
    for s in range(len(rows)):
        row = rows[s]
        if rows.itemsize == 1:
            for p in range(row.size):
                a, b = wide(row[p]), wide(truth[p])
                error[p] += (a if a > b else b) - (b if a > b else a)
        else:
            for p in range(row.size):
                error[p] += abs(wide(row[p]) - wide(truth[p]))


@numba.njit(nogil=True, cache=True)
def _ordered(block: Any) -> None:
    """Convert the bits of floating-point numbers to integers of the same order, and back.

    Negative numbers, whose bits grow with their size, have all bits but the sign inverted. Only
    comparisons of integers are vectorised: floating-point numbers may be NaN.
    """
    if block.itemsize == 1:
        return
    sign = 8 * block.itemsize - 1
    others = (np.int64(1) << sign) - 1 if sign < 63 else np.int64(0x7FFFFFFFFFFFFFFF)
    flat = block.ravel()
    for p in range(flat.size):
        flat[p] ^= (flat[p] >> sign) & others


@numba.njit(nogil=True, cache=True)
def _sort(block: Any, lower: Any, upper: Any) -> None:
    for k in range(lower.size):
        first, second = block[lower[k]], block[upper[k]]
        for p in range(first.size):
            a, b = first[p], second[p]
            first[p] = a if a < b else b
            second[p] = b if a < b else a


@numba.njit(nogil=True, cache=True)
def _pair_sums(block: Any, run: Any, total: Any) -> None:
    """Sum the differences of the outermost pair, the next …; and sum the partial sums."""
    size, width = block.shape
    wide = run.dtype.type
    run[:] = 0
    total[:] = 0
    for k in range(size // 2):
        low, high = block[k], block[size - 1 - k]
        for p in range(width):
            run[p] += wide(high[p]) - wide(low[p])
            total[p] += run[p]
