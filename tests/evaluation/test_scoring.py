"""Scoring: all metrics of the config in one pass, or the reasons why they are missing."""

import h5py
import numpy as np
import pandas as pd
import pytest

from lbm.config import VortexStreetConfig
from rvd.errors import UserError
from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.evaluation.scores import scoring
from rvd.evaluation.scores.scores_file import read_scores
from rvd.evaluation.scores.settings import settings_for
from rvd.evaluation.tables.tables import Wanted, tabulate
from rvd.metrics.base import EnsembleShape
from rvd.metrics.entry import ScoreSettings
from rvd.metrics.functional.crps import crps, fair_crps
from rvd.metrics.functional.multivariate.energy import energy_score
from rvd.metrics.functional.multivariate.variogram import variogram_score
from rvd.metrics.functional.spectrum import spectral_crps
from rvd.metrics.fvd import spread
from rvd.metrics.networks.features import CachedFeatures
from tests.ensembles import write_samples
from tests.evaluation.published_weights import CACHE, published
from tests.tiny import config
from tests.tiny import experiment as tiny_experiment

PIXELS = ("crps", "crps_fair", "psnr", "ssim", "spread_skill")
FLOW = ("enstrophy", "spectrum", "strouhal")
STRUCTURE = ("energy_score", "variogram_score", "spectral_crps", "brier_score")
BRIER = ("brier_score", "brier_fair", "brier_reliability", "brier_resolution", "brier_uncertainty")


def score(path, metrics, *, dataset="simulation", model="rvd", shape=None, output=None, **settings):
    """Return the scores of a new ensemble file by metric, the rows of all frames together."""
    shape = shape or EnsembleShape(4, 3, 4, 9, (32, 32, 1))
    write_samples(path, dataset, model, 0, shape)
    output = output or path.with_suffix(".csv")
    with EnsembleFile(path) as file:
        scoring.score(file, ScoreSettings(tuple(metrics), **settings), output)
    table = read_scores([output])
    return table[table["frame"].isna()].set_index("metric")


def test_all_metrics_of_pixels_and_flow_in_one_pass(tmp_path):
    rows = score(tmp_path / "s.h5", PIXELS + FLOW, flow=VortexStreetConfig())
    assert [*rows.index] == [
        *("crps", "crps_fair", "psnr", "psnr_best", "ssim", "ssim_best"),
        *("spread_skill", "enstrophy", "spectrum", "strouhal"),
    ]
    assert rows["value"].notna().all()
    assert (rows["note"] == "").all()
    assert rows["protocol"].str.startswith("4 context and 9 future frames; ").all()
    with EnsembleFile(tmp_path / "s.h5") as file:
        fair = np.mean([fair_crps(file.samples[c], file.truth[c]).mean() for c in range(4)])
    assert rows["value"]["crps_fair"] == pytest.approx(255 * fair)
    assert rows["value"]["crps"] > rows["value"]["crps_fair"]


@pytest.mark.parametrize("dataset", ["simulation", "bair"])
def test_scores_of_structure_are_in_grey_levels_per_frame(tmp_path, dataset):
    """A model with more noise scores worse, and bytes score as floats."""
    shape = EnsembleShape(3, 4, 2, 5, (16, 16, 3 if dataset == "bair" else 1))
    found = {
        model: score(tmp_path / f"{model}.h5", STRUCTURE, dataset=dataset, model=model, shape=shape)
        for model in ("rvd", "ivrnn")
    }
    rows = found["rvd"]
    assert [*rows.index] == [*STRUCTURE[:3], *BRIER]
    assert (rows["note"] == "").all()
    for name in (*STRUCTURE, "brier_fair"):
        assert found["ivrnn"]["value"][name] > rows["value"][name]
    with EnsembleFile(tmp_path / "rvd.h5") as file:
        scale = 255 / file.white
        clips = [(file.samples[c] * scale, file.truth[c] * scale) for c in range(3)]
    values = np.prod(shape.frame)
    energies = [energy_score(*clip).mean() / values**0.5 for clip in clips]
    assert rows["value"]["energy_score"] == pytest.approx(np.mean(energies), rel=1e-6)
    variograms = [variogram_score(*clip).mean() for clip in clips]
    assert rows["value"]["variogram_score"] == pytest.approx(np.mean(variograms), rel=1e-5)
    spectra = [spectral_crps(*clip, white=255.0).mean() for clip in clips]
    assert rows["value"]["spectral_crps"] == pytest.approx(np.mean(spectra), rel=1e-5)
    table = read_scores([tmp_path / "rvd.csv"])
    assert (table[table["frame"].notna()].groupby("metric").size() == 5).all()


def test_the_brier_score_is_the_sum_of_its_terms_and_of_the_thresholds_of_the_config(tmp_path):
    shape = EnsembleShape(2, 12, 2, 3, (16, 16, 1))
    rows = score(tmp_path / "s.h5", ("brier_score",), shape=shape)["value"]
    added = rows["brier_reliability"] - rows["brier_resolution"] + rows["brier_uncertainty"]
    assert added == pytest.approx(rows["brier_score"], rel=1e-12)
    each = [
        score(tmp_path / "s.h5", ("brier_score",), shape=shape, exceedance_thresholds=(level,))
        for level in (64.0, 192.0)
    ]
    for name in BRIER:
        assert np.mean([one["value"][name] for one in each]) == pytest.approx(rows[name])
    assert "above 192 on the 0-255 scale" in each[1]["protocol"]["brier_score"]


def test_one_member_has_a_brier_score_but_no_fair_scores(tmp_path):
    shape = EnsembleShape(1, 1, 2, 3, (16, 16, 1))
    rows = score(tmp_path / "s.h5", STRUCTURE, shape=shape)
    reason = "needs two members, there is one"
    missing = rows[rows["value"].isna()]
    assert [*missing.index] == [*STRUCTURE[:3], "brier_fair"]
    assert (missing["note"] == reason).all()


def test_structure_is_tabulated_next_to_the_paper_s_metrics(tmp_path):
    """Old scores have no such columns, and their tables stay as they are."""
    path = tmp_path / "s.h5"
    shape = EnsembleShape(2, 3, 2, 3, (16, 16, 1))
    wanted = Wanted(["simulation"], ["rvd"], [0])
    columns = {}
    for name, metrics in {"old": ("crps",), "new": ("crps", *STRUCTURE)}.items():
        score(path, metrics, shape=shape, output=tmp_path / f"{name}.csv")
        tabulate([tmp_path / f"{name}.csv"], "table1", wanted, tmp_path / f"{name}-table.csv")
        columns[name] = (tmp_path / f"{name}-table.md").read_text()
    assert "energy" not in columns["old"]
    assert "energy score ↓ Simulation" in columns["new"]
    assert "Brier resolution ↑ Simulation" in columns["new"]
    papers = next(line for line in columns["old"].splitlines() if "CRPS ↓ Simulation" in line)
    assert papers in columns["new"].splitlines()


@pytest.mark.parametrize("dataset", ["simulation", "bair"])
def test_maps_and_ranks_are_written(tmp_path, dataset):
    """The mean of Figure 4's maps is the score, and each pixel of each frame has a rank."""
    shape = EnsembleShape(3, 5, 2, 4, (8, 8, 3 if dataset == "bair" else 1))
    path = tmp_path / "s.h5"
    rows = score(path, ("crps",), dataset=dataset, shape=shape)
    with h5py.File(tmp_path / "maps.h5") as maps, EnsembleFile(path) as file:
        attributes = dict(maps.attrs)
        assert {"commit", "samples_commit", "made_by"} <= attributes.keys()
        for name in ("commit", "samples_commit", "made_by"):
            del attributes[name]
        assert attributes == {
            **{"format": b"rvd-maps", "version": 2},
            **{"dataset": dataset.encode(), "model": b"rvd", "seed": 0},
        }
        assert maps["crps"].shape == (3, 4, 8, 8)
        assert maps["crps"][:].mean() == pytest.approx(rows["value"]["crps"], rel=1e-6)
        expected = crps(file.samples[1], file.truth[1]).mean(-1) * 255 / file.white
        np.testing.assert_allclose(maps["crps"][1], expected, rtol=1e-6)
        assert maps["ranks"].shape == (4, 6)
        assert (maps["ranks"][:].sum(1) == 3 * 8 * 8 * shape.frame[2]).all()


def test_a_perfect_ensemble_has_no_physical_error(tmp_path):
    shape = EnsembleShape(2, 3, 4, 9, (32, 32, 1))
    write_samples(tmp_path / "s.h5", "simulation", "rvd", 0, shape)
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file["samples"][...] = file["truth"][:][:, None]
    with EnsembleFile(tmp_path / "s.h5") as file:
        settings = ScoreSettings((*FLOW, "crps"), flow=VortexStreetConfig())
        table = scoring.score(file, settings, tmp_path / "scores.csv")
    assert table["value"].abs().max() < 1e-12


def test_a_metric_that_cannot_be_computed_has_a_reason_and_the_others_a_value(tmp_path):
    shape = EnsembleShape(1, 1, 4, 5, (16, 16, 3))
    wanted = ("crps", "crps_fair", "spread_skill", "lpips", "fvd", *FLOW)
    rows = score(
        tmp_path / "s.h5",
        wanted,
        dataset="bair",
        shape=shape,
        fvd_protocols=("paper", "standard"),
    )
    assert rows["value"].notna().sum() == 1
    notes = rows["note"].to_dict()
    assert notes == {
        "crps": "",
        "crps_fair": "needs two members, there is one",
        "spread_skill": "one member has no spread",
        "lpips": "the network 'alex' needs 31 pixels, a frame has 16",
        "fvd": "I3D needs 9 frames, a clip has 5",
        "fvd_standard": "I3D needs 9 frames, a clip has 5",
        "fvd_standard_context": "needs 256 clips, there are 1",
        "enstrophy": "is of vorticity; these frames are not signed",
        "spectrum": "is of vorticity; these frames are not signed",
        "strouhal": "is of vorticity; these frames are not signed",
    }
    flow = score(tmp_path / "f.h5", ("strouhal",), shape=EnsembleShape(2, 2, 4, 5, (32, 32, 1)))
    assert flow["note"]["strouhal"] == "the config describes no simulated flow"


def test_missing_weights_are_a_reason_in_the_table(tmp_path):
    path = tmp_path / "s.h5"
    rows = score(path, ("fvd", "lpips", "crps"), weights=tmp_path / "none")
    assert "i3d.safetensors: there are no weights" in rows["note"]["fvd"]
    assert "lpips-alex.safetensors: there are no weights" in rows["note"]["lpips"]
    assert rows["value"]["crps"] > 0
    wanted = Wanted(["simulation"], ["rvd"], [0])
    table = tabulate([path.with_suffix(".csv")], "table1", wanted, tmp_path / "t.csv")
    mine = table[(table["model"] == "rvd") & (table["dataset"] == "simulation")]
    note = mine.set_index("metric")["note"]["fvd"]
    assert note.startswith("not computed (")
    assert "there are no weights" in note
    assert pd.isna(mine.set_index("metric")["ours"]["fvd"])
    markdown = (tmp_path / "t.md").read_text()
    assert "there are no weights; `rvd fetch-weights i3d` fetches them) FVD (RVD)" in markdown


def test_a_file_of_another_dataset_or_horizon_is_refused(tmp_path):
    shape = EnsembleShape(1, 2, 2, 3, (16, 16, 1))
    write_samples(tmp_path / "a.h5", "kth", "rvd", 0, shape)
    write_samples(tmp_path / "b.h5", "simulation", "rvd", 0, shape)
    described = tiny_experiment(root=str(tmp_path))
    with (
        EnsembleFile(tmp_path / "a.h5") as file,
        pytest.raises(UserError, match="is of the dataset 'kth'; the config has simulation"),
    ):
        settings_for(described, file, None)
    with EnsembleFile(tmp_path / "b.h5") as file:
        settings = settings_for(described, file, None)
        assert settings.weights == tmp_path / "data" / "weights"
        assert settings.flow is not None
        longer = {"datasets": {"simulation": config()["datasets"]["simulation"] | {"horizon": 4}}}
        with pytest.raises(UserError, match=r"has 2 context and 3 future.* has 2 and 4"):
            settings_for(tiny_experiment(**longer), file, None)


def test_clips_are_chosen_evenly():
    assert spread(10, 5) == [0, 2, 4, 6, 8]
    assert spread(3, 3) == [0, 1, 2]
    chosen = spread(77, 50)
    assert len(set(chosen)) == 50
    assert max(np.diff(chosen)) <= 2


@pytest.mark.slow
def test_fvd_and_lpips_with_the_real_networks(tmp_path):
    """Worse forecasts score worse, features are stored, and scoring again runs no network."""
    published("i3d")
    published("lpips-alex")
    shape = EnsembleShape(4, 2, 4, 9, (32, 32, 1))
    features = tmp_path / "features"
    found = {
        model: score(
            tmp_path / f"{model}.h5",
            ("fvd", "lpips"),
            model=model,
            shape=shape,
            weights=CACHE,
            features=features,
        )
        for model in ("rvd", "persistence")
    }
    for metric in ("fvd", "lpips", "lpips_best"):
        better, worse = (found[model]["value"][metric] for model in ("rvd", "persistence"))
        assert 0 < better < worse
    assert found["rvd"]["value"]["lpips_best"] <= found["rvd"]["value"]["lpips"]
    row = found["rvd"].loc["fvd"]
    assert row["low"] <= row["value"] <= row["high"]
    assert (row["videos"], row["ensemble"]) == (4, 1)
    assert "N = 4 clips" in row["protocol"]
    # The truth is the same for both models, and so is its floor.
    floors = [found[model]["value"]["fvd_floor"] for model in found]
    assert floors[0] == floors[1] > 0
    assert len(list(features.iterdir())) == 2


@pytest.mark.slow
def test_stored_features_are_not_computed_again(tmp_path, monkeypatch):
    clips = np.random.default_rng(0).random((2, 9, 32, 32, 1)).astype(np.float32)
    first = CachedFeatures(published("i3d"), tmp_path)
    before = first.extract(np.concatenate([clips, clips[:1]]), 1.0)
    np.testing.assert_array_equal(before[0], before[2])
    first.store()
    again = CachedFeatures(published("i3d"), tmp_path)
    monkeypatch.setattr("rvd.metrics.networks.features.logits", None)
    np.testing.assert_array_equal(again.extract(clips, 1.0), before[:2])
    assert len(list(tmp_path.iterdir())) == 1
    # Other frames, or the same numbers as another type, are other clips.
    with pytest.raises(TypeError):
        again.extract(clips.astype(np.float64), 1.0)
