"""`rvd status` shows what the journals and result files contain."""

import json
import os
import time
from pathlib import Path

import pytest

from rvd.evaluation.status import format_progress, progress_of
from rvd.experiment.loading import experiment_from_mapping
from rvd.workflow.plan import Plan
from tests.tiny import config


@pytest.fixture
def plan(tmp_path):
    return Plan(experiment_from_mapping(config(tmp_path)))


def journal(plan, model, entries):
    folder = Path(plan.layout.checkpoints("simulation", model, 0))
    folder.mkdir(parents=True)
    path = folder / "journal.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def made(plan, model, name):
    path = Path(plan.layout.result("simulation", model, 0, name))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def by_model(plan):
    return {progress.model: progress for progress in progress_of(plan)}


def test_nothing_is_done_yet(plan):
    assert {progress.state for progress in progress_of(plan)} == {"waiting"}
    assert len(list(progress_of(plan))) == len(plan.experiment.run.models)


def test_each_stage(plan):
    entry = {"step": 4, "loss": 0.25, "learning_rate": 1.0, "steps_per_second": 0.5}
    path = journal(plan, "rvd", [{"step": 2, "loss": 9.0, "steps_per_second": 9.0}, entry])
    os.utime(path, (time.time() - 90, time.time() - 90))
    journal(plan, "vd", [entry | {"step": 6}])
    made(plan, "vd", "predictor.safetensors")
    made(plan, "persistence", "samples.h5")
    made(plan, "analogue", "samples.h5")
    made(plan, "analogue", "scores.csv")
    found = by_model(plan)
    states = {model: progress.state for model, progress in found.items()}
    assert states == {
        "rvd": "training",
        "vd": "trained",
        "rvd-mean": "waiting",
        "persistence": "sampled",
        "analogue": "scored",
    }
    rvd = found["rvd"]
    assert (rvd.step, rvd.steps, rvd.losses) == (4, 6, {"loss": 0.25})
    assert rvd.seconds_left == pytest.approx(2 / 0.5)
    assert rvd.silent == pytest.approx(90, abs=5)
    assert found["vd"].seconds_left is None


def test_the_table_is_for_reading(plan):
    journal(plan, "rvd", [{"step": 4, "loss": 0.25, "steps_per_second": 0.5}])
    text = format_progress(list(progress_of(plan)))
    (line,) = [line for line in text.splitlines() if " rvd " in line]
    assert line.split()[:7] == ["simulation", "rvd", "0", "training", "4/6", "0.25", "0.5"]
    assert "0:00:04" in line
    assert text.endswith("5 in all: 1 training, 4 waiting")


def test_a_line_cut_short_is_passed_over(plan):
    path = journal(plan, "rvd", [{"step": 2, "loss": 1.0, "steps_per_second": 1.0}])
    path.write_text(path.read_text() + '{"step": 4, "lo')
    assert by_model(plan)["rvd"].step == 2


def test_a_training_without_an_entry_yet(plan):
    journal(plan, "rvd", [])
    rvd = by_model(plan)["rvd"]
    assert (rvd.state, rvd.step, rvd.seconds_left) == ("training", 0, None)
    assert "0/6" in format_progress([rvd])
