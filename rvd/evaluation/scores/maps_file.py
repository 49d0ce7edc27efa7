"""The maps file: CRPS of each pixel and ranks of the truth (``docs/data-format.md``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from rvd.errors import UserError
from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.files import atomic_write, commit
from rvd.metrics.base import Clip
from rvd.metrics.functional.calibration import rank_histogram
from rvd.video.hdf5 import CheckedFile, open_dataset, write_attributes

FORMAT, VERSION = "rvd-maps", 2


class MapsWriter:
    """A writer of the CRPS of each pixel (Figure 4) and the ranks of the truth, clip by clip.

    Args:
        file: The HDF5 file, open for writing.
        ensemble: The ensemble file that is scored.
    """

    def __init__(self, file: h5py.File, ensemble: EnsembleFile) -> None:
        shape, info = ensemble.shape, ensemble.info
        of_run = {"dataset": info.dataset, "model": info.model, "seed": info.seed}
        write_attributes(file, {"format": FORMAT, "version": VERSION, **of_run})
        # The scores are a table without metadata; these are theirs, too.
        inputs = {"made_by": ensemble.made_by, "samples_commit": ensemble.commit}
        write_attributes(file, {"commit": commit(), **inputs})
        frames = (shape.horizon, *shape.frame[:2])
        self.crps = file.create_dataset(
            "crps",
            (shape.clips, *frames),
            np.float32,
            chunks=(1, *frames),
            compression="lzf",
            fillvalue=np.nan,
        )
        self.ranks = file.create_dataset("ranks", (shape.horizon, shape.ensemble + 1), np.int64)
        self.counts = np.zeros(self.ranks.shape, np.int64)
        # Seeded, so that ties are broken alike in each scoring.
        self.generator = np.random.default_rng(0)
        self.clip = 0

    def update(self, clip: Clip) -> None:
        """Write the clip's maps and count its ranks."""
        self.crps[self.clip] = clip.crps.mean(-1)
        for frame, truth in enumerate(clip.truth):
            self.counts[frame] += rank_histogram(clip.samples[:, frame], truth, self.generator)
        self.clip += 1

    def finish(self) -> None:
        """Write the ranks of all clips."""
        self.ranks[...] = self.counts


@contextmanager
def atomic_maps(path: Path, ensemble: EnsembleFile) -> Iterator[MapsWriter]:
    """Yield a writer of the maps file at ``path``, which appears when the block succeeds.

    Raises:
        UserError: The file cannot be written.
    """
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        yield MapsWriter(file, ensemble)


class MapsFile(CheckedFile):
    """A maps file, open for reading and checked; use it in a ``with`` block.

    Attributes:
        dataset: Name of the dataset.
        model: Name of the model.
        seed: Seed of training and sampling.

    Raises:
        UserError: The file is missing, truncated, foreign or inconsistent.
    """

    FORMAT, VERSION = FORMAT, VERSION

    def _read(self, file: h5py.File) -> None:
        self.dataset, self.model = (str(self.attributes[key]) for key in ("dataset", "model"))
        self.seed = int(self.attributes["seed"])
        self._crps = open_dataset(file, "crps")
        if self._crps.ndim != 4:
            raise UserError(f"{self.path}: crps is not (clip, frame, height, width)")

    def crps_by_clip(self) -> NDArray[np.float64]:
        """Return the CRPS of each clip, mean over frames and pixels, in grey levels."""
        return np.array([clip.mean(dtype=np.float64) for clip in self._crps])
