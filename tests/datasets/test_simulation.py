import h5py
import numpy as np
import pytest

from lbm.vortex_street import simulate
from rvd.datasets.convert import convert
from rvd.errors import UserError
from rvd.experiment.loading import experiment_from_mapping
from rvd.video import VideoFile
from tests.tiny import config


@pytest.fixture(scope="module")
def dataset():
    return experiment_from_mapping(config()).datasets["simulation"]


@pytest.fixture(scope="module")
def runs(dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, street in dataset.simulations().items():
        simulate(street, folder / f"{name}.h5")
    return folder


def vorticity(runs, name):
    """Return the displayed columns, averaged over 2×2 cells."""
    with h5py.File(runs / f"{name}.h5") as file:
        part = file["vorticity"][:, :, 4:36].astype(np.float64)
    return part.reshape(len(part), 16, 2, 16, 2).mean((2, 4))


def test_runs_become_videos_of_their_split(dataset, runs, tmp_path):
    convert("simulation", dataset, list(runs.iterdir()), tmp_path / "v.h5")
    with VideoFile(tmp_path / "v.h5") as file:
        names = {split: videos.names for split, videos in file.splits.items()}
        assert names == {"train": ["train-0", "train-1"], "val": ["val-0"], "test": ["test-0"]}
        assert file.info.signed
        for split in ("train", "test"):
            expected = (vorticity(runs, f"{split}-0") / file.info.maximum + 1) / 2
            found = file.splits[split].video(0)[..., 0]
            np.testing.assert_allclose(found, expected.clip(0, 1), atol=1e-6)


def test_brightness_depends_on_the_training_runs_alone(dataset, runs, tmp_path):
    convert("simulation", dataset, list(runs.iterdir()), tmp_path / "v.h5")
    extreme = max(np.abs(vorticity(runs, f"train-{run}")).max() for run in (0, 1))
    with VideoFile(tmp_path / "v.h5") as file:
        assert file.info.maximum == pytest.approx(extreme, rel=1e-6)
        assert file.info.minimum == -file.info.maximum


def test_percentile(dataset, runs, tmp_path):
    cut = dataset.model_copy(update={"percentile": 90.0})
    convert("simulation", cut, list(runs.iterdir()), tmp_path / "v.h5")
    values = np.concatenate([np.abs(vorticity(runs, f"train-{run}")) for run in (0, 1)])
    with VideoFile(tmp_path / "v.h5") as file:
        share = (values <= file.info.maximum).mean()
    assert share == pytest.approx(0.9, abs=2e-3)


def test_a_missing_run_is_named(dataset, runs, tmp_path):
    files = [path for path in runs.iterdir() if path.stem != "train-1"]
    with pytest.raises(UserError, match="the run 'train-1' is missing"):
        convert("simulation", dataset, files, tmp_path / "v.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_run_with_other_parameters_is_refused(dataset, runs, tmp_path):
    other = dataset.model_copy(update={"flow": dataset.flow.model_copy(update={"velocity": 0.07})})
    with pytest.raises(UserError, match="was made with other parameters"):
        convert("simulation", other, list(runs.iterdir()), tmp_path / "v.h5")
