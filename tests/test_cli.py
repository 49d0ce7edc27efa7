"""The command line: one line for an error, its exit code, and nothing lost."""

import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from rvd.config.merging import merge
from rvd.models.files import load
from tests import prefork
from tests.test_parity import FIXTURES
from tests.tiny import config, write_squares


@pytest.fixture
def workplace(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config()))
    write_squares(tmp_path / "v.h5")
    return tmp_path


def rvd(*arguments, cwd, python=None, **options):
    command = [python or prefork.python(), "-m", "rvd", *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env=environment, **options
    )


def training(*changes):
    return [
        "train",
        "--config=config.yaml",
        "--dataset=simulation",
        "--model=rvd",
        "--seed=0",
        "--videos=v.h5",
        "--checkpoints=checkpoints",
        "--output=predictor.safetensors",
        "--curve=curve.csv",
        "--threads=1",
        *changes,
    ]


def test_training_without_the_gpu_that_the_config_asks_for_is_one_line(workplace, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    values = config() | {"compute": {"gpus": 1, "threads": 1}}
    (workplace / "config.yaml").write_text(yaml.safe_dump(values))
    run = rvd(*training(), cwd=workplace)
    assert run.returncode == 2
    (line,) = run.stderr.splitlines()
    assert "compute.gpus: 1, but PyTorch sees no GPU here; set compute.gpus: 0" in line
    assert not (workplace / "checkpoints").exists()


def test_train_sample_score(workplace):
    """With settings of the model for this dataset, which all verbs take."""
    on = {"models": {"rvd": {"on": {"simulation": {"training": {"steps": 4}}}}}}
    (workplace / "config.yaml").write_text(yaml.safe_dump(merge(config(), on)))
    assert rvd("--log=train.log", *training(), cwd=workplace).returncode == 0
    assert "train simulation/rvd: 4/4" in (workplace / "train.log").read_text()
    common = ["--config=config.yaml", "--dataset=simulation", "--model=rvd", "--seed=0"]
    sampled = rvd(
        "sample",
        *common,
        "--videos=v.h5",
        "--predictor=predictor.safetensors",
        "--output=samples.h5",
        cwd=workplace,
    )
    assert sampled.returncode == 0, sampled.stderr
    scored = rvd(
        "score", "samples.h5", "--config=config.yaml", "--output=scores.csv", cwd=workplace
    )
    assert scored.returncode == 0, scored.stderr
    assert (workplace / "scores.csv").read_text().startswith("dataset,model,seed,metric,frame")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("--model=gan", "models: 'gan' does not exist; there are analogue"),
        ("--model=persistence", "a model of kind 'persistence' is not trained"),
        ("--dataset=kth", "datasets: 'kth' does not exist; there are simulation"),
        ("--videos=absent.h5", "absent.h5: there is no such file"),
        ("--videos=config.yaml", "config.yaml: is not a readable HDF5 file"),
        ("--config=absent.yaml", "absent.yaml: cannot be read"),
    ],
)
def test_an_error_the_user_can_fix_is_one_line(workplace, change, said):
    run = rvd(*training(change), cwd=workplace)
    assert run.returncode == 2
    assert said in run.stderr
    assert run.stderr.count("\n") == 1
    assert not (workplace / "checkpoints").exists()


def test_only_runs_of_a_simulated_dataset_are_shown(workplace):
    run = rvd(
        "render", "n.ipynb", "--output=o", "--config=config.yaml", "--dataset=kth", cwd=workplace
    )
    assert run.returncode == 2
    assert run.stderr == "rvd: --dataset: 'kth' is not a simulated dataset of the config\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "fresh"), [(signal.SIGTERM, True), (signal.SIGINT, False)], ids=["TERM", "INT"]
)
def test_a_signal_saves_and_says_how_to_resume(workplace, number, fresh):
    values = config()
    values["models"]["rvd"]["training"] |= {"steps": 100000, "checkpoint_every": 50000}
    (workplace / "config.yaml").write_text(yaml.safe_dump(values))
    python = sys.executable if fresh else prefork.python()
    command = [python, "-m", "rvd", *training()]
    process = subprocess.Popen(command, cwd=workplace, stderr=subprocess.PIPE, text=True)
    journal = workplace / "checkpoints" / "journal.jsonl"
    while process.poll() is None and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "run the same command to resume" in said
    assert "Traceback" not in said
    assert len(list((workplace / "checkpoints").glob("step-*.pt"))) == 1


def test_import_official(tmp_path):
    checkpoint = FIXTURES / "official_checkpoint.pt"
    # The first in a fresh interpreter.
    for flags, python in (([], sys.executable), (["--ema"], None)):
        run = rvd(
            "import-official",
            checkpoint,
            "--size=16",
            "--output=p.safetensors",
            *flags,
            cwd=tmp_path,
            python=python,
        )
        assert run.returncode == 0, run.stderr
        model = load(tmp_path / "p.safetensors")
        assert model.config.objective.loss == "absolute"
        assert model.config.diffusion_steps == 20


def test_import_refuses_what_is_no_checkpoint(tmp_path):
    (tmp_path / "bad.pt").write_text("nonsense")
    run = rvd("import-official", "bad.pt", "--output=p.safetensors", cwd=tmp_path)
    assert run.returncode == 2
    assert "bad.pt: is not a safe PyTorch checkpoint" in run.stderr
    assert run.stderr.count("\n") == 1
