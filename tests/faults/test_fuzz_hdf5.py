"""Broken or malicious HDF5 files cannot make a reader crash, hang, or disclose other files.

Each kind of file is also damaged after one of its datasets was given external storage, an external
or soft link, a virtual dataset, a filter plug-in, or a size of a trillion frames.
"""

import h5py
import numpy as np
import pytest

from lbm.config import VortexStreetConfig
from lbm.errors import RunFileError
from lbm.runs.run_file import open_run
from lbm.vortex_street import simulate
from rvd.errors import UserError
from rvd.evaluation.ensembles.ensemble_file import EnsembleFile, EnsembleShape
from rvd.video import VideoFile
from tests.ensembles import write_samples
from tests.faults.fuzz import fuzz, mangled, tree
from tests.tiny import write_squares
from tests.video.test_foreign_storage import TRICKS

pytestmark = pytest.mark.slow

SECRET = b"private key"


def tricked(path, secret, name):
    """Return the file at ``path`` with each trick, and remove it."""
    secret.write_bytes(SECRET * 10_000)
    valid, found = path.read_bytes(), []
    for trick in TRICKS:
        path.write_bytes(valid)
        with h5py.File(path, "r+") as file:
            trick(file, name, secret)
        found.append(path.read_bytes())
    return found


def fuzz_file(kind, path, name, read):
    """Fuzz the reader ``read`` of the valid file ``path``, in which ``name`` is a dataset."""
    secret, valid = path.parent.parent / "secret", path.read_bytes()
    malicious = tricked(path, secret, name)

    def read_bytes(data):
        path.write_bytes(data)
        for values in read(path):
            assert SECRET not in np.asarray(values).tobytes()

    for data in malicious:
        with pytest.raises(UserError):
            read_bytes(data)
    # As many damaged versions of the valid file as of all others.
    fuzz(kind, mangled(*[valid] * len(malicious), *malicious), read_bytes)
    assert tree(path.parent) == {str(path)}


def test_video_file(folder):
    def read(path):
        with VideoFile(path) as file:
            yield from [split.video(0) for split in file.splits.values()]

    path = write_squares(folder / "v.h5", size=4, frames=3)
    fuzz_file("video file", path, "test/frames", read)


def test_ensemble_file(folder):
    def read(path):
        with EnsembleFile(path) as file:
            yield from [file.context[:], file.truth[:], file.samples[:]]

    path = folder / "s.h5"
    write_samples(path, "simulation", "rvd", 0, EnsembleShape(1, 2, 1, 2, (4, 4, 1)))
    fuzz_file("ensemble file", path, "samples", read)


def test_run_file(folder):
    street = VortexStreetConfig(
        width=32,
        height=16,
        diameter=3.0,
        center=8.0,
        reynolds=20.0,
        warmup=10,
        interval=5,
        frames=2,
    )

    def read(path):
        try:
            with open_run(path) as file:
                yield from [file.solid, file.tick, file.drag]
        except RunFileError as error:
            raise UserError(str(error)) from None

    path = folder / "r.h5"
    simulate(street, path)
    fuzz_file("run file", path, "solid", read)
