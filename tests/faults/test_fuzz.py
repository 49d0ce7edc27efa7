"""Broken or malicious input cannot make a reader crash, hang, or touch other files."""

import hashlib
import io
import pickle
import struct
import tarfile
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import yaml
from hypothesis import strategies as st

from lbm.config import VortexStreetConfig
from lbm.errors import RunFileError
from lbm.runs.run_file import open_run
from lbm.vortex_street import simulate
from rvd.config.errors import ConfigError
from rvd.datasets.bair.reader import _records
from rvd.datasets.bair.tfrecord import RecordError, read_features, read_record
from rvd.datasets.kth.reader import read_sequences
from rvd.datasets.reading.archives import tar_members, zip_members
from rvd.errors import UserError
from rvd.experiment.loading import experiment_from_mapping, load_experiment
from rvd.models.files import load, save
from rvd.models.registry import build
from rvd.training.checkpoint import load_checkpoint, save_checkpoint
from rvd.video import VideoFile
from tests.datasets.archives import example, tfrecord
from tests.faults.fuzz import fuzz, mangled, scratch, tree
from tests.tiny import SIZE, config, experiment, write_squares

pytestmark = pytest.mark.slow

LARGEST = 2**20


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        (Path(name) / "inside").mkdir()
        yield Path(name) / "inside"


class TestConfig:
    def test_text(self, folder):
        path = folder / "config.yaml"
        # A small config, since YAML is parsed slowly, with all features of YAML.
        small = b"run: {datasets: [a], models: [b], seeds: [0]}\nroot: &x .\nrevision: 1e3\ny: *x\n"
        nasty = b"a: !!python/object/apply:os.system ['touch outside']\n<<: {? [x] : y}\n"

        def read(text):
            path.write_bytes(text)
            load_experiment([path])

        fuzz("config text", mangled(small, nasty), read)
        assert tree(folder) == {str(path)}

    def test_values(self):
        """Replace any value by any other."""
        places = list(_places(config()))
        names = st.one_of(st.text(max_size=8), st.sampled_from(["; rm -rf x", "../x", "like", ""]))
        numbers = st.one_of(st.integers(), st.floats(), st.booleans(), st.none())
        values = st.recursive(
            st.one_of(names, numbers),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)
            ),
            max_leaves=4,
        )
        changes = st.lists(st.tuples(st.sampled_from(places), values), min_size=1, max_size=3)

        def read(chosen):
            values = config()
            for place, value in chosen:
                _set(values, place, value)
            experiment_from_mapping(values)

        fuzz("config values", changes, read)


def _places(values, path=()):
    for key in values:
        yield (*path, key)
        if isinstance(values[key], dict):
            yield from _places(values[key], (*path, key))


def _set(values, place, value):
    for key in place[:-1]:
        values = values.get(key) if isinstance(values, dict) else None
    if isinstance(values, dict):
        values[place[-1]] = value


def test_video_file(folder):
    path = write_squares(folder / "v.h5", size=4, frames=3)
    with h5py.File(path) as file:
        assert set(file) == {"train", "val", "test"}
    valid = path.read_bytes()

    def read(data):
        path.write_bytes(data)
        with VideoFile(path) as file:
            for split in file.splits.values():
                split.video(0)

    fuzz("video file", mangled(valid), read)
    assert tree(folder) == {str(path)}


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
    path = folder / "r.h5"
    simulate(street, path)
    valid = path.read_bytes()

    def read(data):
        path.write_bytes(data)
        try:
            open_run(path).close()
        except RunFileError as error:
            raise UserError(str(error)) from None

    fuzz("run file", mangled(valid), read)
    assert tree(folder) == {str(path)}


def test_checkpoint(folder):
    save_checkpoint(folder, 3, {"seed": 0}, {"weights": {"a": torch.ones(3), "b": None}})
    path = folder / "step-00000003.pt"
    digest = path.with_suffix(".sha256")
    valid = path.read_bytes()

    def read(data):
        # With a valid checksum, so that the damaged content is read.
        path.write_bytes(data)
        digest.write_text(_sha256(data))
        load_checkpoint(folder, {"seed": 0})

    fuzz("checkpoint", mangled(valid, pickle.dumps({"step": 1})), read)
    # Damaged checkpoints were renamed.
    assert tree(folder) <= {str(path), str(digest), f"{path}.damaged"}


def _sha256(data):
    return f"{hashlib.sha256(data).hexdigest()}  step-00000003.pt\n"


def test_predictor_file(folder):
    path = folder / "p.safetensors"
    small = experiment().models["rvd"].model_copy(update={"diffusion_steps": 2})
    save(build(small, SIZE, 1), path, {})
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])

    def read(data):
        # Only the header matters; most of the file are numbers, and any number is valid.
        path.write_bytes(data + whole[8 + length :])
        load(path)

    fuzz("predictor file", mangled(whole[: 8 + length]), read)
    assert tree(folder) == {str(path)}


def test_tfrecord(folder):
    pictures = {"0/image_aux1/encoded": np.arange(12, dtype=np.uint8)}
    message = example(pictures)
    valid = tfrecord([message, message])
    path = folder / "a.tar"

    def read(data):
        with tarfile.open(path, "w") as archive:
            info = tarfile.TarInfo("train/a.tfrecords")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        try:
            for member in tar_members(path, LARGEST):
                records = _records(member)
                with path.open("rb") as file:
                    for record in records:
                        read_features(read_record(file, record))
        except RecordError as error:
            raise UserError(str(error)) from None

    # Half of them with valid checksums, so that the messages are parsed.
    inside = mangled(message).map(lambda data: tfrecord([data]))
    fuzz("TFRecord", st.one_of(mangled(valid), inside), read)


def test_zip(folder):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/one.png", b"1" * 200)
        archive.writestr("../../outside", b"2")
    harmless = io.BytesIO()
    with zipfile.ZipFile(harmless, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/one.png", b"1" * 200)
        archive.writestr("b.png", bytes(range(256)))
    path = folder / "a.zip"

    def read(data):
        path.write_bytes(data)
        for member in zip_members(path, LARGEST):
            member.read()

    fuzz("zip", mangled(data.getvalue(), harmless.getvalue()), read)
    assert tree(folder.parent) == {str(folder), str(path)}


def test_tar(folder):
    found = []
    for names in (["a/one", "b"], ["../../outside", "c"]):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size, info.pax_headers = 5, {"comment": "x"}
                archive.addfile(info, io.BytesIO(b"12345"))
        found.append(data.getvalue()[: 5 * 1024])
    path = folder / "a.tar"

    def read(data):
        path.write_bytes(data)
        for member in tar_members(path, LARGEST):
            member.read()

    fuzz("tar", mangled(*found), read)
    assert tree(folder.parent) == {str(folder), str(path)}


def test_sequence_list(folder):
    path = folder / "00sequences.txt"
    lines = (
        b"person01_boxing_d1\t\tframes\t1-95, 96-185, 186-245, 246-360\nperson02_x_d2 *missing*\n"
    )

    def read(data):
        path.write_bytes(data)
        for ranges in read_sequences(path).values():
            assert all(0 <= first < last for first, last in ranges)

    fuzz("sequence list", mangled(lines), read)


class Harmful:
    """Object whose pickle creates a file when it is executed."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (Path.touch, (Path(self.path),))


class TestPickles:
    """No input file can run code."""

    def test_the_pickle_is_harmful(self, tmp_path):
        pickle.loads(pickle.dumps(Harmful(tmp_path / "ran")))
        assert (tmp_path / "ran").exists()

    @pytest.mark.parametrize("by_torch", [True, False])
    def test_as_a_checkpoint(self, tmp_path, capfd, by_torch):
        ran, path = tmp_path / "ran", tmp_path / "step-00000001.pt"
        content = {"step": 1, "stamp": {}, "state": Harmful(ran)}
        if by_torch:
            torch.save(content, path)
        else:
            path.write_bytes(pickle.dumps(content))
        path.with_suffix(".sha256").write_text(_sha256(path.read_bytes()))
        assert load_checkpoint(tmp_path, {}) is None
        assert not ran.exists()
        assert "is damaged (torch cannot read it safely: UnpicklingError)" in capfd.readouterr().err

    @pytest.mark.parametrize("place", ["p.safetensors", "tiny.yaml"])
    def test_as_another_file(self, tmp_path, place):
        ran, path = tmp_path / "ran", tmp_path / place
        path.write_bytes(pickle.dumps(Harmful(ran)))
        with pytest.raises((UserError, ConfigError)):
            load(path) if place.startswith("p.") else load_experiment([path])
        assert not ran.exists()

    def test_as_an_array_in_a_video_file(self, tmp_path):
        ran, path = tmp_path / "ran", write_squares(tmp_path / "v.h5")
        with h5py.File(path, "r+") as file:
            file.attrs["software"] = np.void(pickle.dumps(Harmful(ran)))
        VideoFile(path).close()
        assert not ran.exists()

    def test_as_yaml(self, tmp_path):
        ran, path = tmp_path / "ran", tmp_path / "c.yaml"
        path.write_text(f"root: !!python/object/apply:pathlib.Path.touch [{ran}]")
        with pytest.raises(ConfigError, match="is not valid YAML"):
            load_experiment([path])
        with pytest.raises(yaml.YAMLError):
            yaml.safe_load(path.read_text())
        assert not ran.exists()
