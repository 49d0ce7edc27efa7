"""`rvd compare`: scores of two sets of videos without a config."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from rvd.cli import main
from rvd.evaluation import comparison
from rvd.evaluation.comparison import as_json, as_lines, compare
from rvd.metrics.functional.frechet import frechet_distance
from rvd.metrics.networks import features
from tests.models.test_stored import write_films

SHAPE = (6, 10, 16, 16, 1)  # I3D takes nine frames or more


class TinyNetwork(nn.Module):
    """Four features of a clip, in place of I3D's 400."""

    def forward(self, clips):
        pooled = clips.mean((3, 4)).flatten(1)
        return torch.stack([pooled[:, ::step].sum(1) for step in (1, 2, 3, 5)], 1)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A folder of weights whose I3D is a tiny network; there are none of LPIPS."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "i3d.safetensors").write_bytes(b"tiny")
    monkeypatch.setattr(features, "load_i3d", lambda *_: TinyNetwork())
    monkeypatch.setattr(
        features, "logits", lambda net, clips: net(clips.transpose(1, 2).float()).numpy()
    )
    return tmp_path / "weights"


def videos(seed, shape=SHAPE):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def saved(path, array):
    np.save(path, array)
    return path


def by_name(scores):
    return {score["metric"]: score for score in scores}


def test_equal_videos_have_the_best_scores(tmp_path, weights):
    path = saved(tmp_path / "a.npy", videos(0))
    found = by_name(compare(path, path, weights))
    assert found["fvd"]["value"] == pytest.approx(0, abs=1e-6)
    assert found["ssim"]["value"] == pytest.approx(1)
    assert "crps" not in found
    assert not any(name.endswith("_best") for name in found)
    assert found["lpips"]["value"] is None
    assert "needs 31 pixels, a frame has 16" in found["lpips"]["note"]


def test_the_distance_is_that_of_all_videos_and_tells_their_number(tmp_path, weights):
    a, b = videos(0), videos(1)
    found = by_name(compare(saved(tmp_path / "a.npy", a), saved(tmp_path / "b.npy", b), weights))[
        "fvd"
    ]
    network = TinyNetwork()

    def of(clips):
        unit = torch.from_numpy(np.moveaxis(clips, -1, 1)).float() / 255
        return network(unit).numpy()

    assert found["value"] == pytest.approx(frechet_distance(of(a), of(b)), rel=1e-4)
    assert found["low"] <= found["value"] <= found["high"]
    assert (found["clips"], found["members"], found["frames"]) == (6, 1, 10)
    assert found["protocol"].startswith("N = 6 clips of 10 frames, one member each")
    assert "N < 256" in found["protocol"]


def test_members_add_the_crps_and_the_best(tmp_path, weights):
    real = videos(0)
    members = np.stack([videos(seed) for seed in (1, 2, 3)], 1)
    path = saved(tmp_path / "a.npy", real)
    found = by_name(compare(path, saved(tmp_path / "b.npy", members), weights))
    expected = np.abs(members - real[:, None].astype(float)).mean((1,))
    pairs = np.abs(members[:, :, None].astype(float) - members[:, None]).mean((1, 2))
    assert found["crps"]["value"] == pytest.approx((expected - pairs / 2).mean(), rel=1e-6)
    assert found["psnr_best"]["value"] > found["psnr"]["value"]
    assert found["crps"]["members"] == 3


@pytest.mark.parametrize("of_fake", [np.uint8, np.float32])
def test_arrays_and_films_of_the_same_videos_have_the_same_scores(tmp_path, weights, of_fake):
    real, members = videos(0), np.stack([videos(1), videos(2)], 1)
    write_films(tmp_path / "real", real[:, None])
    write_films(tmp_path / "fake", members)
    given = members if of_fake == np.uint8 else (members / 255).astype(np.float32)
    arrays = compare(saved(tmp_path / "a.npy", real), saved(tmp_path / "b.npy", given), weights)
    mixed = compare(tmp_path / "real", tmp_path / "b.npy", weights)
    assert as_json(mixed) == as_json(arrays)
    films = by_name(compare(tmp_path / "real", tmp_path / "fake", weights))
    for name in ("psnr", "crps"):
        assert films[name]["value"] == pytest.approx(by_name(arrays)[name]["value"], rel=1e-5)


def test_each_score_is_one_line_with_its_protocol(tmp_path, weights):
    path = saved(tmp_path / "a.npy", videos(0))
    scores = compare(path, saved(tmp_path / "b.npy", videos(1)), weights)
    lines = as_lines(scores).splitlines()
    assert len(lines) == len(scores)
    assert lines[0].startswith("FVD: ")
    assert "I3D of Kinetics-400" in lines[0]
    assert any(line.startswith("PSNR: ") and " dB; 6 clips of 10 frames" in line for line in lines)
    assert any(line.startswith("LPIPS: not computed (") for line in lines)
    assert json.loads(as_json(scores)) == scores


def test_missing_weights_and_short_videos_are_told_and_the_rest_is_scored(tmp_path):
    path = saved(tmp_path / "a.npy", videos(0))
    found = by_name(compare(path, path, tmp_path / "none"))
    assert "there are no weights; `rvd fetch-weights i3d`" in found["fvd"]["note"]
    assert found["psnr"]["clips"] == 6
    short = saved(tmp_path / "b.npy", videos(0, (6, 4, 16, 16, 1)))
    found = by_name(compare(short, short, tmp_path / "none"))
    assert found["fvd"]["note"] == "I3D needs 9 frames, a clip has 4"


def test_the_verb_prints_lines_or_json(tmp_path, weights, capsys):
    path = saved(tmp_path / "a.npy", videos(0))
    command = ["compare", str(path), str(path), f"--weights={weights / 'i3d.safetensors'}"]
    for options in ([], ["--json"]):
        with pytest.raises(SystemExit) as ended:
            main([*command, *options])
        assert not ended.value.code
    printed = capsys.readouterr().out
    lines, _, listed = printed.partition("[\n")
    assert lines.startswith("FVD: 0")
    assert {row["metric"] for row in json.loads("[" + listed)} >= {"fvd", "psnr", "ssim"}


class TestRefused:
    @pytest.mark.parametrize(
        ("shape", "said"),
        [
            ((5, 10, 16, 16, 1), "a.npy has 6 videos, "),
            ((6, 9, 16, 16, 1), "has the shape (6, 9, 16, 16, 1), expected"),
            ((6, 10, 8, 16, 1), "has the shape (6, 10, 8, 16, 1), expected"),
            ((6, 10, 16, 16, 3), "has the shape (6, 10, 16, 16, 3), expected"),
        ],
    )
    def test_arrays_that_differ(self, tmp_path, shape, said):
        self.assert_refused(
            saved(tmp_path / "a.npy", videos(0)), saved(tmp_path / "b.npy", videos(1, shape)), said
        )

    @pytest.mark.parametrize(
        ("shape", "said"),
        [
            ((3, 1, 10, 16, 16, 1), "real has 2 videos, "),
            ((2, 1, 9, 16, 16, 1), "has 9 frames of 16×16 pixels, expected 10 frames"),
            ((2, 1, 10, 8, 16, 1), "has 10 frames of 16×8 pixels, expected 10 frames of 16×16"),
        ],
    )
    def test_folders_that_differ(self, tmp_path, shape, said):
        write_films(tmp_path / "real", videos(0, (2, 1, 10, 16, 16, 1)))
        write_films(tmp_path / "fake", videos(0, shape))
        self.assert_refused(tmp_path / "real", tmp_path / "fake", said)

    def test_real_videos_with_members_and_missing_ones(self, tmp_path):
        real = saved(tmp_path / "a.npy", videos(0, (2, 3, 10, 16, 16, 1)))
        self.assert_refused(real, real, "has 3 members of each clip; real videos have one")
        self.assert_refused(tmp_path / "no", real, "there is no such file or folder")

    @staticmethod
    def assert_refused(real, fake, said):
        with pytest.raises(comparison.UserError) as error:
            compare(real, fake, real.parent / "none")
        assert said in str(error.value)
        assert "\n" not in str(error.value)
