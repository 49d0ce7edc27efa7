"""HDF5 files with external data, which could disclose other files of the reader."""

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
from tests.tiny import write_squares

STREET = VortexStreetConfig(
    width=32, height=16, diameter=3.0, center=8.0, reynolds=20.0, warmup=10, interval=5, frames=2
)


def external(file, name, secret):
    shape, dtype = file[name].shape, file[name].dtype
    del file[name]
    storage = [(str(secret), 0, int(np.prod(shape)) * dtype.itemsize)]
    file.create_dataset(name, shape, dtype, external=storage)


def linked(file, name, secret):
    other = secret.with_suffix(".h5")
    with h5py.File(other, "w") as target:
        file.copy(name, target, name="values")
    del file[name]
    file[name] = h5py.ExternalLink(str(other), "values")


def soft(file, name, secret):
    file.move(name, "elsewhere")
    file[name] = h5py.SoftLink("/elsewhere")


def virtual(file, name, secret):
    other = secret.with_suffix(".h5")
    with h5py.File(other, "w") as target:
        file.copy(name, target, name="values")
    layout = h5py.VirtualLayout(file[name].shape, file[name].dtype)
    layout[...] = h5py.VirtualSource(str(other), "values", file[name].shape)
    del file[name]
    file.create_virtual_dataset(name, layout)


def plug_in(file, name, secret):
    shape, dtype = file[name].shape, file[name].dtype
    del file[name]
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_chunk(shape)
    # An optional filter is skipped if it is not installed; its number is stored in the file.
    layout.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1,))
    space = h5py.h5s.create_simple(shape)
    h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(dtype), space, layout)


def bomb(file, name, secret):
    shape, dtype = file[name].shape, file[name].dtype
    del file[name]
    file.create_dataset(name, (2**40, *shape[1:]), dtype, chunks=(1, *shape[1:]))


TRICKS = [external, linked, soft, virtual, plug_in, bomb]


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(b"private key" * 10_000)
    return path


@pytest.mark.parametrize("name", ["test/frames", "test/first_frame", "train/name"])
@pytest.mark.parametrize("trick", TRICKS)
def test_video_file(tmp_path, secret, trick, name):
    path = write_squares(tmp_path / "v.h5")
    with h5py.File(path, "r+") as file:
        trick(file, name, secret)
    with pytest.raises(UserError, match=rf"v\.h5: {name.split('/')[1]} "):
        VideoFile(path)


def test_a_split_that_is_a_link(tmp_path, secret):
    path = write_squares(tmp_path / "v.h5")
    with h5py.File(path, "r+") as file:
        linked(file, "test", secret)
    with pytest.raises(UserError, match="test is a link to another place"):
        VideoFile(path)


@pytest.mark.parametrize("name", ["samples", "truth", "context", "video", "start"])
@pytest.mark.parametrize("trick", TRICKS)
def test_ensemble_file(tmp_path, secret, trick, name):
    path = tmp_path / "samples.h5"
    write_samples(path, "simulation", "rvd", 0, EnsembleShape(2, 3, 4, 6, (16, 16, 1)))
    with h5py.File(path, "r+") as file:
        trick(file, name, secret)
    with pytest.raises(UserError, match=rf"samples\.h5: {name} "):
        EnsembleFile(path)


@pytest.mark.parametrize("name", ["vorticity", "solid", "tick"])
@pytest.mark.parametrize("trick", TRICKS)
def test_run_file(tmp_path, secret, trick, name):
    path = tmp_path / "run.h5"
    simulate(STREET, path)
    with h5py.File(path, "r+") as file:
        trick(file, name, secret)
    with pytest.raises(RunFileError, match=rf"run\.h5: dataset '{name}' "):
        open_run(path)
