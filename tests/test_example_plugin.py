"""examples/plugin, installed by pip and run through the workflow as docs/plugins.md says."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests import prefork
from tests.installed import environment, python

REPOSITORY = Path(__file__).parents[1]
EXAMPLE = REPOSITORY / "examples" / "plugin"
DOCUMENT = (REPOSITORY / "docs" / "plugins.md").read_text()

pytestmark = pytest.mark.slow


def run(folder, *arguments, python=sys.executable):
    """Run a Python program in ``folder`` with the example installed; return what it printed."""
    installed = environment(folder / "site")
    done = subprocess.run(
        [python, *map(str, arguments)],
        cwd=folder,
        env=installed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder in which the whole workflow has run with the example installed."""
    folder = tmp_path_factory.mktemp("plugin")
    # pip writes into the folder that it builds.
    shutil.copytree(EXAMPLE, folder / "source")
    pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    run(folder, *pip, "--target", folder / "site", folder / "source")
    run(folder, EXAMPLE / "make_videos.py", "squares")
    values = yaml.safe_load((EXAMPLE / "config.yaml").read_text())
    values["models"]["trend"]["training"] |= {"steps": 20, "checkpoint_every": 10}
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    snakemake = ["-m", "snakemake", "--snakefile", REPOSITORY / "Snakefile", "--cores", "2"]
    with prefork.python_with(folder / "site") as python:
        run(folder, *snakemake, "all", "--configfile", folder / "config.yaml", python=python)
    return folder


def result(folder, name):
    return folder / "trend" / "results" / "squares" / "trend" / "seed0" / name


def test_it_is_trained_scored_tabulated_and_drawn(finished):
    scores = pd.read_csv(result(finished, "scores.csv"))
    assert {"crps", "psnr", "bias"} <= set(scores["metric"])
    table = pd.read_csv(finished / "trend" / "results" / "table1.csv")
    ours = table[(table["model"] == "trend") & (table["dataset"] == "squares")]
    assert {"crps", "bias"} <= set(ours.dropna(subset="ours")["metric"])
    markdown = (finished / "trend" / "results" / "table1.md").read_text()
    assert "| Trend |" in markdown
    assert "Bias ↓ Squares" in markdown
    shown = finished / "trend" / "results"
    assert "Trend" in (shown / "gallery.html").read_text()
    assert (shown / "figures" / "crps_by_frame" / "bias.png").exists()


def test_its_training_is_resumed(finished):
    """From its last checkpoint, with equal weights."""
    folder = finished / "trend"
    options = ["--config", folder / "results" / "config.json", "--dataset", "squares"]
    options += ["--model", "trend", "--seed", "0", "--videos", folder / "data" / "squares.h5"]
    options += ["--checkpoints", folder / "checkpoints" / "squares" / "trend" / "seed0"]
    options += ["--output", finished / "again.safetensors", "--curve", finished / "again.csv"]
    run(finished, "-m", "rvd", "train", *options)
    script = """
import sys
from rvd.models.files import content_digest
from pathlib import Path
print(content_digest(Path(sys.argv[1])) == content_digest(Path(sys.argv[2])))
"""
    again, first = finished / "again.safetensors", result(finished, "predictor.safetensors")
    assert run(finished, "-c", script, again, first).strip().endswith("True")


def test_its_predictor_loads_only_where_it_is_installed(finished, tmp_path):
    path = result(finished, "predictor.safetensors")
    script = f"import rvd; print(rvd.load({str(path)!r}).config.kind)"
    assert run(finished, "-c", script).strip() == "trend"
    failed = python(tmp_path, "-c", script)
    assert failed.stderr.strip().endswith(
        f"{path}: is of the kind 'trend'; install the package 'rvd-trend 0.1.0'"
    )
    status = python(tmp_path, "-m", "rvd", "status", "--config", str(finished / "config.yaml"))
    assert status.returncode == 2


def test_the_single_steps_of_the_document_run_without_the_repository(finished, tmp_path):
    """In an empty folder, with the example's files and what is installed."""
    shutil.copytree(EXAMPLE, tmp_path / "plugin")
    (tmp_path / "site").symlink_to(finished / "site")
    _, _, text = DOCUMENT.partition("In the same folder")
    commands = text.split("```")[1].strip().splitlines()
    assert [command.split()[1] for command in commands[1:]] == [
        "convert",
        "train",
        "sample",
        "score",
        "tabulate",
    ]
    for command in commands:
        program, *arguments = command.split()
        run(tmp_path, *(["-m", "rvd"] if program == "rvd" else []), *arguments)
    assert "| Trend |" in (tmp_path / "table1.md").read_text()


def test_the_model_is_short_and_the_document_names_each_file():
    files = [path.name for path in (EXAMPLE / "rvd_trend").glob("*.py")]
    assert len((EXAMPLE / "rvd_trend" / "model.py").read_text().splitlines()) <= 60
    for name in [*files, "config.yaml", "make_videos.py", "pyproject.toml"]:
        assert name == "__init__.py" or name in DOCUMENT, name


def test_the_commands_of_the_document_are_those_of_this_test():
    for command in (
        'cp -r "$(dirname "$(rvd workflow-path)")/examples/plugin" plugin',
        "pip install --no-deps --no-build-isolation ./plugin",
        "python plugin/make_videos.py squares",
        'python -m snakemake --snakefile "$(rvd workflow-path)" --cores 2 all --configfile '
        "plugin/config.yaml",
    ):
        assert command in DOCUMENT


def test_the_config_of_the_example_is_valid_where_it_is_installed(finished):
    script = """
import sys, json
from pathlib import Path
from rvd.experiment import load_experiment
described = load_experiment([Path(path) for path in sys.argv[1:]])
print(json.dumps(described.model_dump(mode="json")["models"]["trend"]["kind"]))
"""
    paths = [REPOSITORY / "config" / "config.yaml", EXAMPLE / "config.yaml"]
    assert json.loads(run(finished, "-c", script, *paths)) == "trend"
