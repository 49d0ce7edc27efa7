"""The Fréchet distance's laws, and FVD's published values with the real network."""

import numpy as np
import pytest
import torch
from scipy import linalg

from rvd.errors import UserError
from rvd.metrics.functional.frechet import floor, frechet_distance, interval
from rvd.metrics.fvd import PAPER, STANDARD, WITH_CONTEXT
from rvd.metrics.networks.features import logits, preprocess
from rvd.metrics.networks.i3d import I3D, pool, same_padding
from rvd.metrics.networks.i3d_weights import load_i3d
from tests.evaluation.published_weights import published


def test_equals_the_formula_with_matrix_square_roots():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((300, 6)) @ rng.standard_normal((6, 6)) + 1
    b = rng.standard_normal((200, 6)) @ rng.standard_normal((6, 6))
    sigma_a, sigma_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(sigma_a @ sigma_b).real
    means = np.square(a.mean(0) - b.mean(0)).sum()
    expected = means + np.trace(sigma_a + sigma_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("count", [5, 80])
def test_a_shift_costs_its_square_and_a_factor_its_spread(count):
    """d(a, a + v) = |v|² and d(a, k·a) = (k − 1)²·tr Σ for a centred a: for fewer clips than
    features, and for more."""
    a = np.random.default_rng(0).standard_normal((count, 20))
    a -= a.mean(0)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + 0.5) == pytest.approx(20 * 0.25, rel=1e-9)
    trace = np.square(a).sum() / (count - 1)
    assert frechet_distance(a, 3 * a) == pytest.approx(4 * trace, rel=1e-9)


def test_the_distance_of_equal_distributions_falls_with_the_number_of_samples():
    """The bias of few clips (docs/metrics.md) more than halves from 16 to 128 and to 1,024."""
    rng = np.random.default_rng(0)
    few, more, many = (
        frechet_distance(rng.standard_normal((n, 100)), rng.standard_normal((n, 100)))
        for n in (16, 128, 1024)
    )
    assert few > 2 * more > 8 * many > 0


def test_the_floor_of_halves_is_that_bias_and_returns_its_number_of_clips():
    real = np.random.default_rng(0).standard_normal((64, 10))
    value, half = floor(real, 50)
    assert half == 32
    assert 0 < value < frechet_distance(real, real + 1)
    assert floor(real, 50) == (value, half)
    with pytest.raises(ValueError, match="cannot be split"):
        floor(real[:3], 3)


def test_the_interval_holds_the_value_and_narrows_with_more_clips():
    rng = np.random.default_rng(0)
    widths = []
    for count in (20, 200):
        real, generated = rng.standard_normal((2, count, 5))
        low, high = interval(real, generated + 1)
        assert low < frechet_distance(real, generated + 1) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_too_few_clips_or_other_features_have_no_distance():
    with pytest.raises(ValueError, match="no distance"):
        frechet_distance(np.zeros((1, 4)), np.zeros((5, 4)))
    with pytest.raises(ValueError, match="no distance"):
        frechet_distance(np.zeros((5, 4)), np.zeros((5, 3)))


def test_protocols_refuse_short_clips_and_few_videos_and_warn():
    assert PAPER.why_not(50, 4, 8) == "I3D needs 9 frames, a clip has 8"
    assert PAPER.why_not(50, 4, 12) is None
    assert WITH_CONTEXT.why_not(256, 4, 5) is None
    assert STANDARD.why_not(255, 4, 16) == "needs 256 clips, there are 255"
    assert PAPER.why_not(1, 4, 16) == "needs 2 clips, there are 1"
    assert "N = 50 clips of 16 future" in PAPER.words(300, 4, 16)
    assert "compare within this table only" in PAPER.words(300, 4, 16)
    assert "compare within" not in STANDARD.words(300, 4, 16)


@pytest.mark.parametrize("size", [15, 16, 30, 112, 224])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (2, 2), (7, 2)])
def test_same_padding_is_tensorflow_s(size, kernel, stride):
    """There are ⌈size/stride⌉ places, and the larger part of an odd total comes after."""
    before, after = same_padding((1, 1, size), (1, 1, kernel), (1, 1, stride))[:2]
    assert (size + before + after - kernel) // stride + 1 == -(-size // stride)
    assert after - before in (0, 1)
    if kernel < 7:
        x = torch.rand(1, 1, 1, 1, size)
        padded = torch.nn.functional.pad(x, [before, after], value=-1.0)
        expected = torch.nn.functional.max_pool3d(padded, (1, 1, kernel), (1, 1, stride))
        assert torch.equal(pool(x, (1, 1, kernel), (1, 1, stride)), expected)


def test_clips_are_preprocessed_to_rgb_in_minus_one_to_one():
    grey = torch.rand(2, 9, 1, 8, 8)
    video = preprocess(grey)
    assert video.shape == (2, 3, 9, 224, 224)
    assert torch.equal(video[:, 0], video[:, 2])
    assert video.amin() >= -1
    assert video.amax() <= 1
    black_and_white = torch.stack([torch.zeros(9, 3, 8, 8), torch.ones(9, 3, 8, 8)])
    # Interpolation rounds: its weights sum to one except for the last bit.
    black, white = preprocess(black_and_white)
    torch.testing.assert_close(black, torch.full_like(black, -1))
    torch.testing.assert_close(white, torch.full_like(white, 1))


def test_clips_too_short_and_files_of_something_else_are_refused(tmp_path):
    with pytest.raises(ValueError, match="needs 9 frames, not 8"):
        I3D()(torch.zeros(1, 3, 8, 224, 224))
    with pytest.raises(UserError, match=r"there are no weights; `rvd fetch-weights i3d`"):
        load_i3d(tmp_path / "i3d.safetensors")
    (tmp_path / "other.pt").write_bytes(b"other")
    with pytest.raises(UserError, match="neither safetensors nor the published TorchScript"):
        load_i3d(tmp_path / "other.pt")


@pytest.mark.slow
@pytest.mark.parametrize(("frames", "expected"), [(16, 152.902), (30, 151.39244)])
def test_black_against_white_is_as_published(frames, expected):
    """TensorFlow's value for 30 frames, and the one for 16 (docs/metrics.md)."""
    network = load_i3d(published("i3d"))
    black, white = torch.zeros(1, frames, 1, 64, 64), torch.ones(1, frames, 1, 64, 64)
    found = logits(network, torch.cat([black, white]))
    # Equal clips have no spread: the distance is that of the means.
    sides = [np.repeat(found[place : place + 1], 2, 0) for place in (0, 1)]
    assert frechet_distance(*sides) == pytest.approx(expected, rel=5e-5)


@pytest.mark.slow
def test_the_first_clips_of_the_noise_are_as_in_the_published_value():
    """The quick version of the next test: as computed where that one holds."""
    network = load_i3d(published("i3d"))
    one, other = (_noise_features(network, seed, "cpu", clips=2) for seed in (1, 2))
    expected = [2.67542, 2.5182543, 0.11293435, 1.6812439]
    np.testing.assert_allclose(one[0, :4], expected, rtol=1e-4)
    assert frechet_distance(one, other) == pytest.approx(98.204912, rel=5e-5)


@pytest.mark.long
def test_uniform_noise_is_as_published():
    """TensorFlow's FVD of 128 and 128 clips of noise in [0, 1] (universome/fvd-comparison)."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = load_i3d(published("i3d"), device)
    assert frechet_distance(
        *(_noise_features(network, seed, device) for seed in (1, 2))
    ) == pytest.approx(10.138085, rel=5e-5)


def _noise_features(network, seed, device, clips=128, batch=2):
    state, found = np.random.RandomState(seed), []
    for _ in range(clips // batch):
        noise = state.rand(batch, 16, 224, 224, 3).astype(np.float32)
        with torch.inference_mode():
            video = torch.from_numpy(noise).permute(0, 4, 1, 2, 3).to(device)
            found.append(network(video).cpu().numpy())
    return np.concatenate(found)
