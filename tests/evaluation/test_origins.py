"""Results tell the commit that made them, and their inputs."""

import json
import re

import h5py
import pytest
import torch

from rvd import files
from rvd.evaluation.ensembles import ensemble_file, sampling
from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.evaluation.ensembles.origins import format_origins
from rvd.evaluation.ensembles.sampling import forecaster, sample
from rvd.evaluation.scores.scoring import score
from rvd.metrics.entry import ScoreSettings
from rvd.models import files as predictor_files
from rvd.models.files import content_digest, provenance, save
from rvd.models.registry import build
from rvd.video import VideoFile
from tests.artefacts import content
from tests.tiny import SIZE, experiment, write_squares


def sampled(videos, output):
    described = experiment()
    with VideoFile(videos) as file:
        forecasting = forecaster(described, "persistence", file, None, dataset="simulation")
        sample(
            forecasting,
            file,
            described,
            dataset="simulation",
            model="persistence",
            seed=0,
            output=output,
        )


def test_the_commit_is_one_of_the_checkout_or_empty():
    assert re.fullmatch(r"([0-9a-f]{40}(-dirty)?)?", files.commit())


def test_a_predictor_tells_its_commit_but_equals_one_of_another_commit(tmp_path, monkeypatch):
    torch.manual_seed(0)
    model = build(experiment().models["rvd"], SIZE, 1)
    paths = [tmp_path / f"{commit}.safetensors" for commit in ("a", "b")]
    for path in paths:
        monkeypatch.setattr(predictor_files, "commit", lambda path=path: path.stem)
        save(model, path, {"seed": 0})
    assert [provenance(path)["commit"] for path in paths] == ["a", "b"]
    assert content_digest(paths[0]) == content_digest(paths[1])
    assert content(paths[0]) == content(paths[1])


def test_forecasts_and_maps_tell_commits_and_inputs(tmp_path, monkeypatch):
    videos, output = write_squares(tmp_path / "v.h5"), tmp_path / "s.h5"
    original = sampling.forecast_clips

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(ensemble_file, "commit", lambda: "a")
    with monkeypatch.context() as patch:
        patch.setattr(sampling, "forecast_clips", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sampled(videos, output)
    monkeypatch.setattr(ensemble_file, "commit", lambda: "b")
    monkeypatch.setattr(sampling, "forecast_clips", original)
    sampled(videos, output)
    with EnsembleFile(output) as file, VideoFile(videos) as source:
        assert file.commit == "a, b"
        assert json.loads(file.made_by)["videos"] == source.fingerprint()
        score(file, ScoreSettings(("crps",)), tmp_path / "scores.csv")
        made_by = file.made_by
    with h5py.File(tmp_path / "maps.h5") as maps:
        assert maps.attrs["commit"].decode() == files.commit()
        assert maps.attrs["samples_commit"] == b"a, b"
        assert maps.attrs["made_by"].decode() == made_by
    assert format_origins([output]) == (
        f"simulation/persistence/seed0: commit a, b; made by {made_by}"
    )


def test_forecasts_of_earlier_versions_are_of_an_unknown_commit(tmp_path):
    videos, output = write_squares(tmp_path / "v.h5"), tmp_path / "s.h5"
    sampled(videos, output)
    with h5py.File(output, "r+") as file:
        del file.attrs["commit"], file.attrs["made_by"]
    assert format_origins([output]).endswith("commit unknown; made by unknown")
