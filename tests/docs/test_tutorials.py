"""The code of the tutorials, run in order as a reader would, with shorter trainings.

A block of ``bash`` is run; one with a title is a file; one of ``python`` without a title is run as
a program. Blocks without a language are for the eye: output, and commands for a cluster.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rvd.models.files import save
from rvd.models.registry import build
from tests import prefork
from tests.docs.pages import REPOSITORY, blocks
from tests.test_commands import checkout
from tests.tiny import SIZE, experiment

TUTORIALS = REPOSITORY / "docs" / "tutorials"
# What shortens a file of a tutorial, by its name.
SHORTER = {
    "films.yaml": ("steps: 300", "steps: 4"),
    "drift.yaml": ("steps: 300", "steps: 20"),
}


def follow(tutorial, folder, fresh=True):
    """Do what a tutorial says, in ``folder``; return the output of its commands.

    Without ``fresh``, Snakemake and its jobs do not load the packages again.
    """
    said = []
    for block in blocks(TUTORIALS / f"{tutorial}.md"):
        if block.title:
            write(folder / block.title, block.text)
        elif block.language == "bash":
            alone = "snakemake" not in block.text
            command = ["bash", "-euo", "pipefail", "-c", block.text]
            said.append(run(command, folder, fresh or alone))
        elif block.language == "python":
            said.append(run([sys.executable, "-c", block.text], folder))
        else:
            assert not block.language, f"{tutorial}, line {block.line}"
    return "".join(said)


def write(path, text):
    """Write a file of a tutorial, shortened."""
    if path.name in SHORTER:
        long, short = SHORTER[path.name]
        assert long in text
        text = text.replace(long, short)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def run(command, folder, fresh=True):
    """Return what a command prints; the test fails if the command does."""
    python = sys.executable if fresh else prefork.python()
    path = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
    code = folder if fresh and (folder / "rvd").exists() else REPOSITORY
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(code), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command[-1]}\n{(done.stdout + done.stderr)[-3000:]}"
    return done.stdout + done.stderr


def test_each_tutorial_is_run():
    assert {path.stem for path in TUTORIALS.glob("*.md")} == {
        "forecast",
        "train",
        "add-a-model",
        "score",
        "cluster",
    }


@pytest.mark.slow
def test_forecast_a_film(tmp_path):
    torch.manual_seed(0)
    save(build(experiment().models["rvd"], SIZE, 1), tmp_path / "predictor.safetensors", {})
    said = follow("forecast", tmp_path)
    assert "futures.gif: 4 futures of 8 frames" in said
    assert f"(4, 8, {SIZE}, {SIZE}, 1)" in said
    assert (tmp_path / "futures.gif").stat().st_size > 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return checkout(tmp_path_factory.mktemp("tutorials") / "rvd")


@pytest.mark.slow
class TestInOneCheckout:
    """The other tutorials, each of which continues in the folder of the one before."""

    def test_train_on_your_films(self, folder):
        said = follow("train", folder, fresh=False)
        assert re.search(r"^  RVD +[\d.]+", said, re.MULTILINE)
        assert "ball.gif: 4 futures of 8 frames" in said
        assert (folder / "films-run/data/films.png").exists()

    def test_add_a_model(self, folder):
        predictor = folder / "films-run/results/films/rvd/seed0/predictor.safetensors"
        before = predictor.stat().st_mtime_ns
        said = follow("add-a-model", folder)
        assert re.search(r"^  Drift +[\d.]+", said, re.MULTILINE)
        assert predictor.stat().st_mtime_ns == before

    def test_score_your_samples(self, folder):
        said = follow("score", folder, fresh=False)
        assert re.search(r"^  elsewhere +[\d.]+", said, re.MULTILINE)
        assert re.search(r"^fair CRPS: [\d.]+ grey levels", said, re.MULTILINE)

    def test_run_on_a_cluster(self, folder):
        pytest.importorskip("snakemake_executor_plugin_slurm")
        said = follow("cluster", folder, fresh=False)
        assert re.search(r"^train +1$", said, re.MULTILINE)
        profile = (folder / "profiles/mine/config.yaml").read_text()
        assert "slurm_account: my-account" in profile
        assert "train: {slurm_partition: long-gpu" in profile
        assert "slurm_partition: short" in profile
