"""Simulated flows: vorticity of run files (``lbm``) as pictures.

The brightness scale comes from the training runs alone, so no test data enter it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from lbm.errors import FlowError
from lbm.runs.run_file import RunFile, open_run
from rvd.datasets.reading.reader import NamedVideo, ReaderResult
from rvd.datasets.simulation.config import SimulationConfig
from rvd.errors import UserError
from rvd.video.file import VideoInfo

# Bins of the histogram for the percentile: accurate to 1/10,000 of the largest value.
BINS = 10_000


def read(
    dataset: SimulationConfig, raw: Sequence[Path], threads: int | None = None
) -> ReaderResult:
    """Read the runs of ``dataset``, one video per run.

    Args:
        dataset: The dataset's section of the config.
        raw: One file ``<run>.h5`` for each run.
        threads: Not used, since nothing is decoded.

    Raises:
        UserError: A run is missing or damaged, or was simulated with other parameters.
    """
    files = {path.stem: path for path in raw}
    for run, street in dataset.simulations().items():
        if run not in files:
            raise UserError(f"the run '{run}' is missing: expected a file named {run}.h5")
        with _opened(files[run]) as file:
            if file.street != street:
                raise UserError(f"{files[run]}: was made with other parameters; simulate it again")
    largest = _largest(dataset, files)
    info = VideoInfo(
        source=dataset.source,
        licence=dataset.licence,
        frame_rate=dataset.frame_rate,
        minimum=-largest,
        maximum=largest,
        unit="vorticity (1/tick)",
        signed=True,
        config=dataset.model_dump_json(),
    )
    videos = _videos(dataset, files, largest)
    return ReaderResult(len(dataset.simulations()), videos, info, np.float32)


def _videos(
    dataset: SimulationConfig, files: Mapping[str, Path], largest: float
) -> Iterator[NamedVideo]:
    for run in dataset.simulations():
        brightness = (_pictures(dataset, files[run]) / largest + 1) / 2
        yield run.split("-")[0], run, brightness.clip(0, 1).astype(np.float32)[..., None]


def _pictures(dataset: SimulationConfig, path: Path) -> Float32[np.ndarray, "frame height width"]:
    """Return the vorticity of the displayed columns, averaged over squares of ``pool`` cells."""
    first, last = dataset.columns
    with _opened(path) as file:
        vorticity = file.vorticity[:, :, first:last]
    frames, height, width = vorticity.shape
    pool = dataset.pool
    squares = vorticity.reshape(frames, height // pool, pool, width // pool, pool)
    return squares.mean((2, 4))


def _largest(dataset: SimulationConfig, files: Mapping[str, Path]) -> float:
    """Return the configured percentile of the absolute vorticity in the training runs."""
    training = [run for run in dataset.simulations() if run.startswith("train-")]
    extreme = max(float(np.abs(_pictures(dataset, files[run])).max()) for run in training)
    if extreme == 0:
        raise UserError("the training runs hold no vorticity at all; is their warm-up too short?")
    if dataset.percentile == 100:
        return extreme
    counts: NDArray[np.int64] = np.zeros(BINS, np.int64)
    for run in training:
        magnitudes = np.abs(_pictures(dataset, files[run]))
        counts += np.histogram(magnitudes, BINS, (0, extreme))[0]
    share = np.cumsum(counts) / counts.sum()
    return float((np.searchsorted(share, dataset.percentile / 100) + 1) / BINS * extreme)


def _opened(path: Path) -> RunFile:
    try:
        return open_run(path)
    except FlowError as error:
        raise UserError(str(error)) from None
