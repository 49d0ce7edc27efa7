"""Broken or malicious checkpoints and predictors cannot make a reader crash, hang or run code."""

import hashlib
import pickle
import struct
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import yaml

from rvd.config.errors import ConfigError
from rvd.errors import UserError
from rvd.experiment.loading import load_experiment
from rvd.models.files import load, save
from rvd.models.registry import build
from rvd.training.checkpoint import load_checkpoint, save_checkpoint
from rvd.video import VideoFile
from tests.faults.fuzz import fuzz, mangled, tree
from tests.tiny import SIZE, experiment, write_squares

pytestmark = pytest.mark.slow


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
