"""LPIPS with the real networks."""

import pytest
import torch
from safetensors.torch import save_file

from rvd.errors import UserError
from rvd.metrics.functional.lpips import perceptual_distance
from rvd.metrics.networks.lpips import load_lpips
from tests.evaluation.published_weights import published


@pytest.fixture(scope="module")
def alex():
    return load_lpips(published("lpips-alex"))


@pytest.mark.slow
class TestPublished:
    def test_black_against_white_is_as_published(self, alex):
        black, white = torch.zeros(1, 1, 3, 64, 64), torch.ones(1, 3, 64, 64)
        assert perceptual_distance(alex, black, white).item() == pytest.approx(0.81395, abs=4e-5)

    def test_equal_frames_have_no_distance_and_noise_grows_it(self, alex):
        torch.manual_seed(0)
        truth = torch.rand(2, 3, 32, 32)
        ensemble = torch.stack([truth + 0.1 * k * torch.randn_like(truth) for k in range(3)])
        values = perceptual_distance(alex, ensemble.clamp(0, 1), truth)
        assert values.shape == (3, 2)
        assert torch.equal(values[0], torch.zeros(2))
        assert (values[2] > values[1]).all()
        assert (values[1] > 0).all()

    def test_grey_counts_as_rgb_of_three_equal_channels(self, alex):
        torch.manual_seed(0)
        ensemble, truth = torch.rand(2, 3, 1, 32, 32), torch.rand(3, 1, 32, 32)
        colour = perceptual_distance(
            alex, ensemble.expand(-1, -1, 3, -1, -1), truth.expand(-1, 3, -1, -1)
        )
        torch.testing.assert_close(perceptual_distance(alex, ensemble, truth), colour)

    def test_many_frames_score_as_few(self, alex):
        """The division into batches changes nothing."""
        torch.manual_seed(0)
        ensemble, truth = torch.rand(5, 15, 1, 32, 32), torch.rand(15, 1, 32, 32)
        whole = perceptual_distance(alex, ensemble, truth)
        torch.testing.assert_close(perceptual_distance(alex, ensemble[3:4], truth)[0], whole[3])

    def test_vgg_loads(self):
        network = load_lpips(published("lpips-vgg"), "vgg")
        black, white = torch.zeros(1, 1, 3, 64, 64), torch.ones(1, 3, 64, 64)
        assert 0 < perceptual_distance(network, black, white).item() < 1


def test_missing_and_foreign_weights_are_reported_in_one_line(tmp_path):
    with pytest.raises(UserError, match=r"there are no weights; `rvd fetch-weights lpips-alex`"):
        load_lpips(tmp_path / "none.safetensors")
    (tmp_path / "other").write_bytes(b"other")
    with pytest.raises(UserError, match="not a readable safetensors file"):
        load_lpips(tmp_path / "other")
    save_file({"features.0.weight": torch.zeros(1)}, tmp_path / "wrong")
    with pytest.raises(UserError, match="does not hold the weights of 'alex'"):
        load_lpips(tmp_path / "wrong")
