"""``benchmarks/gpu_session.py`` on the CPU: each stage, its rows, its end and its report."""

import json
import math
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from benchmarks.gpu import correctness, device_rates, predictions, science, speed
from benchmarks.gpu.host_noise import HostNoise
from benchmarks.gpu.report import report
from benchmarks.gpu.rows import Case
from benchmarks.gpu.session import Session, reset
from benchmarks.gpu_session import STAGES
from rvd.experiment.loading import load_experiment
from tests.tiny import SIZE, config

ROOT = Path(__file__).parents[1]


@pytest.fixture
def session(tmp_path):
    """A session of a minute with the tiny RVD."""
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(config()))
    case = Case(f"{SIZE} px", SIZE, 1, 2)
    paths = (path,)
    yield Session("cpu", tmp_path, time.monotonic() + 60, paths, paths, (case,), 1, ("rvd",))
    reset("cpu")


def written(session, name, rows):
    """The rows of a stage, written as the command writes them."""
    found = [{"stage": name, **row} for row in rows]
    lines = "".join(json.dumps(row) + "\n" for row in found)
    (session.folder / f"{name}.jsonl").write_text(lines)
    return found


def test_the_device_is_described_and_its_rates_are_compared(session):
    described, *rates = list(device_rates.stage(session))
    assert described["torch"] == torch.__version__
    assert [row["predicted"] for row in rates] == [200, 350, 3]
    assert all(row["measured / predicted"] >= 0 for row in rates)


def test_models_are_trained_scored_and_compared_with_the_cpu(session):
    agreement, *rows = list(correctness.stage(session))
    assert agreement["agrees"]
    assert [row["check"] for row in rows] == ["float32 (TF32)", "bfloat16"]
    assert all(row["finite"] and row["crps"] > 0 for row in rows), rows


@pytest.mark.parametrize("stage", ["training", "denoising", "models", "profile"])
def test_speed(session, stage):
    rows = list(getattr(speed, stage)(session))
    assert rows
    assert all(row["ms"] > 0 for row in rows), rows


@pytest.mark.slow
def test_a_killed_training_is_resumed(session):
    (row,) = science.resume(session)
    assert row["resumed from step"] > 0, row
    assert "1 killed" in row["history"]


@pytest.mark.slow
def test_the_pipeline_runs_and_is_scored(session):
    values = config()
    values["run"]["models"] = ["persistence"]
    session.large[0].write_text(yaml.safe_dump(values))
    ended, scored = science.science(replace(session, ends=time.monotonic() + 300))
    assert ended["exit code"] == 0
    assert scored["model"] == "persistence"
    assert scored["crps"] > 0


def test_the_experiment_fits_the_shipped_configs(session, monkeypatch):
    """On a GPU it lies over the paper's config, which no test on a CPU can run."""
    found = []
    monkeypatch.setattr(science, "_pipeline", lambda _, config, targets: found.append(config) or 0)
    large = Session("cuda", session.folder, 0).large
    rows = list(science.science(replace(session, device="cuda", large=large, ends=math.inf)))
    assert len(rows) == 1 + 2 * 5
    experiment = load_experiment(found[0])
    for name in ("rvd", "vd", "crps"):
        training = experiment.models[name].training
        assert training.steps == science.STEPS
        assert training.precision == "bfloat16"
        assert (
            training.learning_rate.initial
            == experiment.models["rvd"].training.learning_rate.initial
        )
    assert all(experiment.datasets[name].size == 64 for name in science.DATASETS)


def test_rows_are_measured_once(session):
    calls = []
    for _ in range(2):
        written(
            session,
            "s",
            [*session.row(lambda: calls.append(1) or {"ms": 1}, check="a")]
            or [{"check": "a", "ms": 1}],
        )
    assert calls == [1]


def fails():
    raise RuntimeError("a fault\nin two lines")


def test_rows_that_fail_or_come_too_late_are_named_and_measured_later(session):
    (failed,) = session.row(fails, check="a")
    assert failed["error"] == "RuntimeError: a fault"
    over = Session("cpu", session.folder, time.monotonic() - 1)
    (late,) = over.row(fails, check="b")
    assert late == {"check": "b", "skipped": "no time left"}
    written(session, "s", [failed, late])
    assert len(list(session.row(lambda: {"ms": 1}, check="a"))) == 1
    assert len(list(session.row(lambda: {"ms": 1}, check="b"))) == 1


def test_the_report_has_predictions_next_to_measurements():
    row = {"stage": "training", "frames": "64 px", "variant": "bfloat16"}
    again = row | {"ms": 50.0, **predictions.compared(50.0, 25.0, 16.0)}
    text = report([row | {"skipped": "no time left"}, again])
    assert "| 64 px | bfloat16 | 50.0 | 25.0 | 2.0 | 16.0 |" in text
    assert "no time left" not in text


def test_predictions_are_those_of_the_documentation():
    page = (ROOT / "docs" / "performance.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")] for line in page.splitlines()]
    rows = [row for row in rows if len(row) > 5]
    for (size, variant), predicted in predictions.TRAINING.items():
        named = f"{size}, . clips, {_of(variant)}"
        (row,) = (row for row in rows if re.fullmatch(named, row[1]))
        low, _, high = row[4].partition(" to ")
        assert float(low) <= predicted <= float(high or low)


def test_predicted_hours_are_those_of_the_documentation():
    page = (ROOT / "docs" / "reproduction.md").read_text()
    for dataset, size in (("bair", 64), ("cityscapes", 128)):
        for model in predictions.HOURS:
            (row,) = re.findall(rf"^\| {dataset} \| {re.escape(model)} \|.*$", page, re.MULTILINE)
            assert float(row.split("|")[8]) == predictions.hours(model, size)


def _of(variant):
    return {"float32 (TF32)": "TF32"}.get(variant, variant)


def test_random_numbers_of_the_host_are_those_of_the_device():
    draws = []
    for context in (HostNoise(), torch.no_grad()):
        torch.manual_seed(0)
        with context:
            draws.append([torch.randn(3), torch.empty(2).normal_(), torch.randint(9, (2,))])
    assert all(map(torch.equal, *draws))


def test_random_numbers_of_the_host_are_copied_to_the_device():
    with HostNoise():
        found = torch.randn(3, device="meta"), torch.randint(9, (2,), device="meta")
    assert {value.device.type for value in found} == {"meta"}


def test_a_command_prints_rows_and_ends_in_time(session):
    command = [sys.executable, "-m", "benchmarks.gpu_session", "--device=cpu", "--minutes=1",
               "--stages", "device", "--out", session.folder / "out"]  # fmt: skip
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    assert {row["stage"] for row in rows} == {"device"}
    assert "Stage `device`" in (session.folder / "out" / "report.md").read_text()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_is_needed_unless_it_is_a_trial():
    command = [sys.executable, "-m", "benchmarks.gpu_session"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "PyTorch sees no GPU here; give --device cpu for a trial" in run.stderr


def test_all_stages_fit_half_an_hour_without_the_experiment():
    assert sum(limit for name, (_, limit) in STAGES.items() if name != "science") <= 1800
