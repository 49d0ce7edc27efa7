"""Forecasts made elsewhere in the workflow: exported clips, the table, and a new file."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.models.test_pretrained_workflow import snakemake
from tests.tiny import config

pytestmark = pytest.mark.slow


def values(path):
    described = config(root="out")
    described["models"] = {
        "persistence": {"kind": "persistence"},
        "theirs": {"kind": "stored", "path": path},
    }
    described["run"]["models"] = ["persistence", "theirs"]
    described["evaluation"]["metrics"] = ["crps"]
    return described


def test_clips_are_exported_forecast_elsewhere_and_tabulated(tmp_path):
    described = values("theirs.npy")
    np.save(tmp_path / "theirs.npy", np.zeros(1))  # until there are forecasts
    run = snakemake(tmp_path, described, "--", "out/data/simulation.h5")
    assert run.returncode == 0, run.stderr[-2000:]
    command = [sys.executable, "-m", "rvd", "export-clips", "--config=tiny.yaml"]
    command += ["--dataset=simulation", "--videos=out/data/simulation.h5", "--output=clips"]
    export = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert export.returncode == 0, export.stderr
    assert "(clip, member, frame, height, width, channel) = (2, 3, 3, 16, 16, 1)" in export.stdout

    wrong = snakemake(tmp_path, described, "--", "out/results/table1.csv")
    assert "theirs.npy: has the shape (1,), expected (clip, member" in wrong.stdout + wrong.stderr
    assert not (tmp_path / "out/results/simulation/theirs/seed0/samples.h5").exists()

    context = np.load(tmp_path / "clips" / "context.npy")
    forecasts = np.repeat(context[:, None, -1:], 3, axis=2)
    np.save(tmp_path / "theirs.npy", np.repeat(forecasts, 3, axis=1))
    run = snakemake(tmp_path, described, "--", "out/results/table1.csv")
    assert run.returncode == 0, run.stderr[-2000:]
    table = pd.read_csv(tmp_path / "out" / "results" / "table1.csv")
    ours = table[(table["dataset"] == "simulation") & (table["metric"] == "crps")]
    ours = ours.set_index("model")["ours"]
    assert ours["theirs"] == pytest.approx(ours["persistence"], rel=1e-6)
    assert (
        "not trained here: theirs, from theirs.npy"
        in (tmp_path / "out" / "results" / "table1.md").read_text()
    )

    again = snakemake(tmp_path, described, "--dry-run", "--", "out/results/table1.csv")
    assert "Nothing to be done" in again.stdout + again.stderr
    np.save(tmp_path / "theirs.npy", np.repeat(1 - forecasts, 3, axis=1))
    options = ["--dry-run", "--printshellcmds"]
    newer = snakemake(tmp_path, described, *options, "--", "out/results/table1.csv")
    said = newer.stdout + newer.stderr
    assert "Forecast the test videos of simulation by theirs" in said
    assert "--stored theirs.npy" in said
    assert "Forecast the test videos of simulation by persistence" not in said


def test_missing_forecasts_stop_before_anything_starts(tmp_path):
    run = snakemake(tmp_path, values("nowhere.npy"), "--", "all")
    said = run.stdout + run.stderr
    assert run.returncode != 0
    assert "models.theirs.path: there is no file or folder nowhere.npy" in said
    assert "Traceback" not in said
