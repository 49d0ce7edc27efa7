"""The rules in another workflow, which imports them as a module, and from an installed wheel."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import prefork
from tests.tiny import config

REPOSITORY = Path(__file__).parents[1]
SNAKEFILE = """\
configfile: "own.yaml"

rule own:
    input: "out/results/figures/training", "out/results/table1.csv"
    output: "own.csv"
    shell: "cp {{input[1]}} {{output}}"

module rvd:
    snakefile: {snakefile!r}
    config: config["forecasts"]

use rule * from rvd{renamed}
"""
JOBS = re.compile(r"^(\w+) +\d+$", re.MULTILINE)


def tiny_experiment():
    """A config with one trained model and one metric, which scores without networks."""
    values = config(root="out")
    values["run"]["models"] = ["rvd", "persistence"]
    values["evaluation"]["metrics"] = ["crps"]
    return values


def importing(folder, renamed="", snakefile=REPOSITORY / "workflow" / "Snakefile"):
    """Write a workflow with a rule of its own that imports the rules into ``folder``."""
    folder.mkdir(exist_ok=True)
    (folder / "own.yaml").write_text(yaml.safe_dump({"forecasts": tiny_experiment()}))
    (folder / "Snakefile").write_text(SNAKEFILE.format(snakefile=str(snakefile), renamed=renamed))
    return folder


def snakemake(folder, *arguments, packages=REPOSITORY):
    # With other packages than the repository's, fresh interpreters.
    command = [prefork.python(), "-m", "snakemake", "--cores=2", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(packages)}
    run = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
    return run.returncode, run.stdout + run.stderr


def rules_of(said):
    """Return the rules in Snakemake's list of jobs."""
    return set(JOBS.findall(said)) - {"total"}


@pytest.mark.slow
class TestModule:
    def test_a_tiny_experiment_runs_in_the_workflow_that_imports_it(self, tmp_path):
        changed = "\n\nuse rule gallery from rvd as gallery with:\n    priority: 3"
        folder = importing(tmp_path / "elsewhere", changed)
        code, said = snakemake(folder)
        assert code == 0, said[-3000:]
        assert (folder / "own.csv").read_text().startswith("model,dataset")
        assert list((folder / "out/results/figures/training").glob("*.png"))
        resolved = json.loads((folder / "out/results/config.json").read_text())
        assert resolved["run"]["models"] == ["rvd", "persistence"]
        code, said = snakemake(folder)
        assert (code, "Nothing to be done" in said) == (0, True), said[-3000:]

    def test_its_rules_may_be_renamed_and_a_dry_run_writes_nothing(self, tmp_path):
        folder = importing(tmp_path / "elsewhere", " as forecasts_*")
        code, said = snakemake(folder, "--dry-run")
        assert code == 0, said[-3000:]
        assert {"own", "forecasts_train", "forecasts_table"} <= rules_of(said)
        assert not (folder / "out").exists()

    def test_its_config_is_checked(self, tmp_path):
        folder = importing(tmp_path / "elsewhere")
        values = tiny_experiment()
        values["evaluation"]["contxt"] = 3
        (folder / "own.yaml").write_text(yaml.safe_dump({"forecasts": values}))
        code, said = snakemake(folder, "--dry-run")
        assert code != 0
        assert "evaluation.contxt: there is no such key; did you mean 'context'?" in said
        assert "Traceback" not in said

    def test_a_module_without_a_config_is_the_papers_experiment(self, tmp_path):
        (tmp_path / "Snakefile").write_text(
            f"module rvd:\n    snakefile: {str(REPOSITORY / 'Snakefile')!r}\n\n"
            "use rule * from rvd\n"
        )
        code, said = snakemake(tmp_path, "--dry-run", "results/ablation.csv")
        assert code == 0, said[-3000:]
        assert "train" in rules_of(said)

    def test_the_documented_import(self, tmp_path):
        page = (REPOSITORY / "docs" / "workflow.md").read_text()
        (documented,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        (tmp_path / "Snakefile").write_text(documented)
        (tmp_path / "config.yaml").write_text(yaml.safe_dump({"forecasts": tiny_experiment()}))
        code, said = snakemake(tmp_path, "--dry-run", "rvd_all")
        assert code == 0, said[-3000:]
        assert {"rvd_train", "rvd_gallery"} <= rules_of(said)


@pytest.mark.slow
def test_without_a_target_all_is_made(tmp_path):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(tiny_experiment()))
    options = [f"--snakefile={REPOSITORY / 'Snakefile'}", "--configfile=tiny.yaml"]
    code, said = snakemake(tmp_path, "--dry-run", *options)
    assert code == 0, said[-3000:]
    assert "all" in rules_of(said)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder of packages in which the project is installed from its source distribution."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder), "-t", "sdist"]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (archive,) = folder.glob("rvd-*.tar.gz")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    install += ["--no-build-isolation", "--target", folder / "packages", archive]
    subprocess.run(install, cwd=folder, check=True)
    return folder / "packages"


@pytest.mark.slow
class TestWheel:
    def test_the_workflow_runs_from_the_package(self, installed, tmp_path):
        environment = os.environ | {"PYTHONPATH": str(installed)}
        path = subprocess.run(
            [sys.executable, "-m", "rvd", "workflow-path"],
            cwd=tmp_path, capture_output=True, text=True, check=True, env=environment,
        ).stdout.strip()  # fmt: skip
        assert Path(path) == installed / "rvd" / "shipped" / "Snakefile"
        assert (Path(path).parent / "examples" / "plugin" / "pyproject.toml").exists()
        (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(tiny_experiment()))
        target = "out/results/figures/training"
        options = [
            f"--snakefile={path}",
            "--configfile=tiny.yaml",
            "--printshellcmds",
            "--",
            target,
        ]
        code, said = snakemake(tmp_path, *options, packages=installed)
        assert code == 0, said[-3000:]
        assert f"profile {installed}/rvd/shipped/profiles/default" in said
        assert f"{installed}/rvd/shipped/notebooks/training.ipynb" in said
        assert list((tmp_path / target).glob("*.png"))
        code, said = snakemake(tmp_path, *options, packages=installed)
        assert "Nothing to be done" in said

    def test_another_workflow_imports_its_rules(self, installed, tmp_path):
        rules = installed / "rvd" / "shipped" / "workflow" / "Snakefile"
        folder = importing(tmp_path / "elsewhere", snakefile=rules)
        code, said = snakemake(folder, "--dry-run", "--printshellcmds", packages=installed)
        assert code == 0, said[-3000:]
        assert f"{installed}/rvd/shipped/notebooks/training.ipynb" in said
