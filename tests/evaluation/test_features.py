"""Features of clips: equal to the last bit in any order, and stored with a checksum."""

import functools

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file
from torch import nn

from rvd.metrics.networks import features, stored_features
from rvd.metrics.networks.features import CachedFeatures
from rvd.metrics.networks.i3d import I3D


class RoundsByBatch(nn.Module):
    """A stand-in for I3D that rounds differently in batches, as real convolutions may do."""

    clips = 0

    def forward(self, video):
        self.clips += len(video)
        means = video.mean((1, 3, 4))[:, :9] * (1 + 1e-6 * len(video))
        return means.repeat(1, 45)[:, :400]


@pytest.fixture
def weights(tmp_path, monkeypatch):
    path = tmp_path / "i3d.safetensors"
    path.write_bytes(b"weights")
    monkeypatch.setattr(features, "load_i3d", lambda *_: RoundsByBatch())
    return path


def some_clips(count):
    return np.random.default_rng(0).integers(0, 256, (count, 9, 8, 8, 1), dtype=np.uint8)


def assert_independent_of_order(weights, clips, folder):
    """Alone, together, in another order and partly stored, features are equal bit for bit."""
    alone = [CachedFeatures(weights, None).extract(clip[None], 255)[0] for clip in clips]
    together = CachedFeatures(weights, None).extract(clips, 255)
    np.testing.assert_array_equal(together, alone)
    first = CachedFeatures(weights, folder)
    first.extract(clips[1:2], 255)
    first.store()
    second = CachedFeatures(weights, folder)
    np.testing.assert_array_equal(second.extract(clips[::-1], 255), alone[::-1])
    second.store()
    assert len(list(folder.iterdir())) == 2
    np.testing.assert_array_equal(CachedFeatures(weights, folder).extract(clips, 255), alone)


def test_a_clip_s_features_do_not_depend_on_others_nor_on_the_stored_ones(weights, tmp_path):
    clips = some_clips(3)
    batch = features.logits(RoundsByBatch(), torch.from_numpy(clips / 255).movedim(-1, 2).float())
    assert (batch != CachedFeatures(weights, None).extract(clips, 255)).any()
    assert_independent_of_order(weights, clips, tmp_path / "features")


def test_the_same_holds_for_i3d(tmp_path, monkeypatch):
    """With random weights, which round in batches as the published ones do."""
    monkeypatch.setattr(features, "load_i3d", functools.cache(features.load_i3d))
    torch.manual_seed(0)
    save_file(I3D().state_dict(), tmp_path / "i3d.safetensors")
    assert_independent_of_order(tmp_path / "i3d.safetensors", some_clips(2), tmp_path / "features")


@pytest.mark.parametrize("damage", ["bit", "cut", "empty"])
def test_a_damaged_file_is_removed_and_its_features_computed_again(
    weights, tmp_path, capsys, damage
):
    folder, clips = tmp_path / "features", some_clips(2)
    first = CachedFeatures(weights, folder)
    expected = first.extract(clips, 255)
    first.store()
    (path,) = folder.iterdir()
    original = path.read_bytes()
    flipped = original[:-9] + bytes([original[-9] ^ 1]) + original[-8:]
    path.write_bytes({"bit": flipped, "cut": original[:-9], "empty": b""}[damage])
    again = CachedFeatures(weights, folder)
    assert not path.exists()
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"{path}: is damaged (its checksum does not match) and was removed; "
        f"its features are computed again"
    )
    np.testing.assert_array_equal(again.extract(clips, 255), expected)
    again.store()
    assert path.read_bytes() == original


def test_a_file_that_cannot_be_read_is_left_there(weights, tmp_path, capsys):
    folder, clips = tmp_path / "features", some_clips(1)
    path = folder / f"{'0' * 64}.safetensors"
    path.mkdir(parents=True)
    CachedFeatures(weights, folder).extract(clips, 255)
    assert path.exists()
    assert "cannot be read (Is a directory); its features" in capsys.readouterr().err


def test_features_of_other_code_weights_or_arithmetic_are_not_used(weights, tmp_path, monkeypatch):
    folder, clips = tmp_path / "features", some_clips(1)

    def computed(white=255):
        cache = CachedFeatures(weights, folder)
        cache.extract(clips, white)
        cache.store()
        return cache.network.clips

    assert [computed(), computed()] == [1, 0]
    assert [computed(white=250), computed(white=250)] == [1, 0]
    with monkeypatch.context() as patch:
        patch.setattr(features, "VERSION", features.VERSION + 1)
        assert [computed(), computed()] == [1, 0]
    with monkeypatch.context() as patch:
        patch.setattr(torch, "__version__", "0.0")
        assert [computed(), computed()] == [1, 0]
    with monkeypatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: 99)
        assert [computed(), computed()] == [1, 0]
    weights.write_bytes(b"others")
    assert [computed(), computed()] == [1, 0]


def test_files_of_earlier_versions_are_not_read(tmp_path):
    save_arrays({"key": np.zeros(400, np.float32)}, tmp_path / "0123456789abcdef.safetensors")
    assert stored_features.load_features(tmp_path) == {}
    assert len(list(tmp_path.iterdir())) == 1
