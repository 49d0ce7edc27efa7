"""Sampling by the config's precision and batch, and distances that no product rounds."""

import numpy as np
import pytest
import torch

from rvd.errors import UserError
from rvd.evaluation.ensembles import sampling
from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.evaluation.ensembles.sampling import forecaster, sample
from rvd.experiment.experiment import ExperimentConfig
from rvd.models.base import VideoPredictor
from rvd.models.files import save
from rvd.models.registry import build
from rvd.video import VideoFile
from rvd.workflow import rerun_keys
from tests.models.fake_device import DeviceWatch
from tests.tiny import SIZE, config, experiment, write_squares

CLIPS = 3


def evaluated(**changes) -> ExperimentConfig:
    return experiment(evaluation=config()["evaluation"] | {"clips": CLIPS} | changes)


@pytest.fixture
def videos(tmp_path):
    return write_squares(tmp_path / "v.h5", frames=30)


@pytest.fixture
def predictor(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "predictor.safetensors"
    save(build(experiment().models["rvd"], SIZE, 1), path, {})
    return path


def sampled(videos, predictor, output, **changes):
    described = evaluated(**changes)
    with VideoFile(videos) as file:
        model = forecaster(described, "rvd", file, predictor, dataset="simulation")
        sample(model, file, described, dataset="simulation", model="rvd", seed=0, output=output)
    with EnsembleFile(output) as file:
        return file.samples[:], file.info.config


def test_defaults_of_new_keys_leave_finished_forecasts_up_to_date():
    described = evaluated()
    recorded = described.evaluation.recorded()
    assert "precision" not in recorded
    assert recorded["batch"] == 1
    training = described.models["rvd"].training
    assert not {"checkpoint_minutes", "validation_steps"} & training.model_dump().keys()
    text = rerun_keys.training(described, "simulation", "rvd")
    observing = {"checkpoint_minutes": 5, "validation_steps": 3}
    values = config()
    values["models"]["rvd"]["training"] |= observing
    other = experiment(models=values["models"])
    assert other.models["rvd"].training.checkpoint_minutes == 5
    assert rerun_keys.training(other, "simulation", "rvd") == text
    sampling_text = rerun_keys.sampling(described, "simulation", "rvd")
    assert rerun_keys.sampling(evaluated(precision="bfloat16"), "simulation", "rvd") != (
        sampling_text
    )


def test_forecasts_in_bfloat16_are_near_those_in_float32(tmp_path, videos, predictor):
    full, _ = sampled(videos, predictor, tmp_path / "full.h5")
    rounded, about = sampled(videos, predictor, tmp_path / "rounded.h5", precision="bfloat16")
    assert '"precision": "bfloat16"' in about
    assert rounded.dtype == np.float32
    assert not np.array_equal(full, rounded)
    assert np.abs(full - rounded).mean() < 0.02


def test_an_automatic_batch_is_halved_until_memory_suffices(
    tmp_path, videos, predictor, monkeypatch
):
    expected, _ = sampled(videos, predictor, tmp_path / "one.h5")
    rows, original = [], sampling.forecast_clips

    def limited(predictor, known, *rest, **options):
        rows.append(len(known))
        if len(known) > 1:
            raise torch.OutOfMemoryError("too much")
        return original(predictor, known, *rest, **options)

    monkeypatch.setattr(sampling, "forecast_clips", limited)
    monkeypatch.setattr(
        type(evaluated().evaluation),
        "first_batch",
        lambda self, on_gpu: CLIPS if self.batch == "auto" else self.batch,
    )
    found, _ = sampled(videos, predictor, tmp_path / "auto.h5", batch="auto")
    assert rows == [3, 1, 1, 1]
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(UserError, match=r"needs more memory .* evaluation\.batch"):
        sampled(videos, predictor, tmp_path / "fixed.h5", batch=2)


@pytest.mark.parametrize(
    ("batch", "on_gpu", "first"), [("auto", True, 3), ("auto", False, 1), (2, True, 2)]
)
def test_the_first_batch(batch, on_gpu, first):
    assert evaluated(batch=batch).evaluation.first_batch(on_gpu=on_gpu) == first


class Recorded(DeviceWatch):
    """The names of all operations."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.waits.append(func._schema.name)
        return func(*args, **(kwargs or {}))


def test_no_product_rounds_the_distances_of_the_analogue(videos):
    """TF32 rounds the inputs of products: expanded distances would lose the nearest."""
    described = evaluated()
    with VideoFile(videos) as file:
        model = forecaster(described, "analogue", file, None, dataset="simulation")
        assert isinstance(model, VideoPredictor)
        with Recorded() as watch:
            model.predict(torch.rand(40, 2, 1, SIZE, SIZE), 1, 2, torch.randn_like)
    products = {"mm", "bmm", "addmm", "baddbmm", "matmul", "linear", "_euclidean_dist"}
    assert "aten::_cdist_forward" in watch.waits
    assert not products & {name.removeprefix("aten::") for name in watch.waits}
