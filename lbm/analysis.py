"""Analysis of a run: force coefficients, shedding, spectrum, and similarity of clips."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from lbm.runs.run_file import RunFile


def shedding_period(lift: Float[np.ndarray, " time"]) -> float:
    """Return the mean period of an oscillation in samples, from interpolated upward zero crossings.

    The result is NaN if there are fewer than three crossings.
    """
    swing = lift - (lift.max() + lift.min()) / 2
    before = np.flatnonzero((swing[:-1] < 0) & (swing[1:] >= 0))
    if len(before) < 3:
        return float("nan")
    crossing = before + swing[before] / (swing[before] - swing[before + 1])
    return float((crossing[-1] - crossing[0]) / (len(crossing) - 1))


def strouhal_number(run: RunFile) -> float:
    """Measure the Strouhal number of a run: lift frequency · diameter / velocity."""
    street = run.street
    ticks = shedding_period(run.lift) * street.interval
    return street.diameter / (street.velocity * ticks)


def coefficients(run: RunFile) -> tuple[Float[np.ndarray, " frame"], Float[np.ndarray, " frame"]]:
    """Return the drag and lift coefficients per frame: force / (½ · velocity² · diameter)."""
    dynamic = run.street.velocity**2 * run.street.diameter / 2
    return run.drag / dynamic, run.lift / dynamic


def lift_spectrum(
    run: RunFile,
) -> tuple[Float[np.ndarray, " frequency"], Float[np.ndarray, " frequency"]]:
    """Return Strouhal numbers and amplitudes of the lift coefficient's spectrum (Hann window)."""
    lift = coefficients(run)[1]
    window = np.hanning(len(lift))
    amplitude = 2 * np.abs(np.fft.rfft((lift - lift.mean()) * window)) / window.sum()
    per_tick = np.fft.rfftfreq(len(lift), run.street.interval)
    return per_tick * run.street.diameter / run.street.velocity, amplitude


def pictures(run: RunFile, columns: tuple[int, int], pool: int) -> Float[np.ndarray, "frame y x"]:
    """Return the vorticity (1/tick) of some columns, averaged over squares of `pool` cells.

    Raises:
        ValueError: The squares do not divide the picture.
    """
    first, last = columns
    vorticity = run.vorticity[:, :, first:last]
    frames, height, width = vorticity.shape
    if height % pool or width % pool:
        raise ValueError(f"pool = {pool}: does not divide {height} × {width} cells")
    squares = vorticity.reshape(frames, height // pool, pool, width // pool, pool)
    return squares.mean(axis=(2, 4))


def autocorrelation(frames: Float[np.ndarray, "frame y x"], lags: int) -> Float[np.ndarray, " lag"]:
    """Return the correlation of frames over pixels and time, for lags 0 … `lags`.

    A run with fewer frames gives fewer lags.
    """
    fields = frames.reshape(len(frames), -1) - frames.mean(axis=0).ravel()
    power = np.mean(fields**2)
    count = len(fields)
    return np.array(
        [
            np.mean(fields[: count - lag] * fields[lag:]) / power
            for lag in range(min(lags + 1, count))
        ]
    )


def clip_similarity(
    runs: Sequence[Float[np.ndarray, "_ y x"]], length: int
) -> Float[np.ndarray, "run run"]:
    """Compare the most similar clips of each pair of runs.

    Entry (i, j) is the smallest r.m.s. difference between a clip of run i and one of run j, divided
    by the r.m.s. of the clips of run i: 0 means that a clip is repeated. Within a run (i = j), only
    clips that do not overlap are compared; the entry is NaN if there are none. All entries of a run
    shorter than a clip are NaN.

    Args:
        runs: Pictures of each run.
        length: Frames per clip.
    """
    frames = [run.reshape(len(run), -1).astype(np.float64) for run in runs]
    nearest = np.full((len(runs), len(runs)), np.nan)
    for i, one in enumerate(frames):
        typical = np.sqrt(length * np.mean(np.sum(one**2, axis=1)))
        for j, other in enumerate(frames):
            if min(len(one), len(other)) < length:
                continue
            distances = _clip_distances(one, other, length)
            if i == j:
                start = np.arange(len(distances))
                distances[np.abs(start[:, None] - start) < length] = np.inf
            smallest = distances.min()
            if np.isfinite(smallest):
                nearest[i, j] = np.sqrt(max(smallest, 0)) / typical
    return nearest


def _clip_distances(
    one: Float[np.ndarray, "frame value"],
    other: Float[np.ndarray, "other_frame value"],
    length: int,
) -> Float[np.ndarray, "clip other_clip"]:
    """Return the squared distances of all clips of two runs, as sums over their frames."""
    by_frame = np.sum(one**2, axis=1)[:, None] + np.sum(other**2, axis=1) - 2 * one @ other.T
    clips = len(one) - length + 1, len(other) - length + 1
    return sum(
        (by_frame[shift : clips[0] + shift, shift : clips[1] + shift] for shift in range(length)),
        np.zeros(clips),
    )
