"""The reference implementation of the benchmarks has the model's loss and gradients."""

import pytest
import torch

from benchmarks.frame_by_frame import check_equal
from rvd.models.registry import build
from tests.tiny import experiment


@pytest.mark.parametrize("model", ["rvd", "vd"])
@pytest.mark.parametrize("channels", [1, 3])
def test_loss_and_gradients_agree_in_float64(model, channels):
    torch.manual_seed(0)
    config = experiment().models[model]
    predictor = build(config, 16, channels).double()
    video = torch.rand(2, 5, channels, 16, 16, dtype=torch.float64)
    config = config.model_copy(
        update={"training": config.training.model_copy(update={"future": 3})}
    )
    predictor.config = config
    loss, gradient = check_equal(predictor, video)
    assert loss < 1e-12
    assert gradient < 1e-12
