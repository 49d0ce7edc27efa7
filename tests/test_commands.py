"""The commands of the documentation, as users type them: in a checkout, with its profiles."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests import prefork
from tests.tiny import config

REPOSITORY = Path(__file__).parents[1]
PARTS = (
    "Snakefile", "Makefile", "pyproject.toml", "constraints.txt", "workflow", "profiles", "config",
    "notebooks", "rvd", "lbm", "docs",
)  # fmt: skip
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "Snakefile",
    REPOSITORY / "profiles" / "slurm" / "config.yaml",
    REPOSITORY / "config" / "README.md",
    REPOSITORY / "config" / "models.md",
    # The plug-in of plugins.md has to be installed: tests/test_example_plugin.py runs its commands.
    *sorted(page for page in (REPOSITORY / "docs").glob("*.md") if page.name != "plugins.md"),
]
COMMAND = re.compile(r"^(?:# )?((?:snakemake|make) [^#\n]*)|`((?:snakemake|make) [^`\n]*)`", re.M)


def documented(program):
    """Every command of ``program`` in the documentation, without its comment."""
    found = {}
    for page in PAGES:
        for match in COMMAND.finditer(page.read_text()):
            words = re.split(r"\s{2,}", (match[1] or match[2]).strip())[0]
            if words.split()[0] == program:
                found[words] = page.name
    return sorted(found)


def checkout(folder, values=None):
    """A copy of the repository; ``values`` replace what its config/config.yaml says."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    if values is not None:
        (folder / "config" / "config.yaml").write_text(yaml.safe_dump(values))
    return folder


def run(folder, command, fresh=True):
    """Run ``command`` as it is written, from ``folder``.

    Without ``fresh``, Snakemake and its jobs do not load the packages again: those of the
    repository, of which ``folder`` has a copy.
    """
    python, code = (sys.executable, folder) if fresh else (prefork.python(), REPOSITORY)
    path = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(code), "OMP_NUM_THREADS": "1"}
    # `make test VENV=...` hands its variables on to every `make` below it.
    for name in ("MAKEFLAGS", "VENV", "CORES", "TORCH"):
        environment.pop(name, None)
    return subprocess.run(
        shlex.split(command),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def succeeded(folder, command, fresh=True):
    """Return the output of ``command``; the test fails if the command does."""
    done = run(folder, command, fresh)
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{command}\n{said[-3000:]}"
    return said


def small(**changes):
    """The tiny experiment with one trained model and one metric."""
    values = config(**changes)
    run = {"datasets": ["simulation"], "models": ["rvd", "persistence"], "seeds": [0]}
    evaluation = values["evaluation"] | {"metrics": ["crps"]}
    return values | {"run": run | changes.get("run", {}), "evaluation": evaluation}


@pytest.mark.slow
class TestLiteral:
    """The commands that the user gives, run to their end in one checkout."""

    @pytest.fixture(scope="class")
    @classmethod
    def finished(cls, tmp_path_factory):
        folder = checkout(tmp_path_factory.mktemp("commands") / "rvd", small())
        succeeded(folder, "snakemake --cores 8 all", fresh=False)
        return folder

    def test_all_makes_tables_figures_and_gallery(self, finished):
        for name in ("table1.csv", "ablation.csv", "gallery.html", "figures/frames"):
            assert (finished / "results" / name).exists(), name

    def test_one_table_without_a_number_of_cores(self, finished):
        (finished / "results" / "ablation.csv").unlink()
        said = succeeded(finished, "snakemake results/ablation.csv")
        assert (finished / "results" / "ablation.csv").stat().st_size > 0
        assert re.search(r"^table +1$", said, re.MULTILINE)

    def test_the_slurm_profile_with_jobs_on_this_machine(self, finished):
        (finished / "results" / "gallery.html").unlink()
        # With the profile's limit of jobs per minute, Snakemake ends only when the minute is over.
        here = "--executor local --max-jobs-per-timespan 30/1s"
        command = f"snakemake --workflow-profile slurm {here} all"
        said = succeeded(finished, command, fresh=False)
        assert (finished / "results" / "gallery.html").stat().st_size > 0
        assert re.search(r"^gallery +1$", said, re.MULTILINE)

    def test_partial_shows_what_is_there_and_names_what_is_not(self, finished):
        values = small()
        values["datasets"]["films"] = {"reader": "folder", "path": "films", "size": 16}
        values["run"]["datasets"] = ["simulation", "films"]
        laid_over = finished / "with-films.yaml"
        laid_over.write_text(yaml.safe_dump(values))
        scores = finished / "results" / "simulation" / "rvd" / "seed0" / "scores.csv"
        kept = scores.read_bytes()
        scores.unlink()
        command = "snakemake --cores 8 partial --configfile with-films.yaml"
        said = succeeded(finished, command)
        partial = finished / "results" / "partial"
        table = pd.read_csv(partial / "table1.csv").set_index(["model", "dataset", "metric"])
        assert table.ours["persistence", "simulation", "crps"] > 0
        assert table.note["rvd", "simulation", "crps"] == "no scores yet"
        lines = [
            "simulation: rvd, seed 0 (scores)",
            "films: no results of any model: data/films.h5 does not exist",
        ]
        gallery = (partial / "gallery.html").read_text()
        for line in lines:
            for text in (said, gallery, (partial / "missing.txt").read_text()):
                assert line in text
        assert "films: no results" in (partial / "table1.md").read_text()
        assert list((partial / "figures" / "frames").glob("*.png"))
        assert "Nothing to be done" in succeeded(finished, command, fresh=False)
        scores.write_bytes(kept)
        said = succeeded(finished, f"{command} --dry-run", fresh=False)
        assert re.search(r"^partial +1$", said, re.MULTILINE)


class TestDocumented:
    @pytest.fixture(scope="class")
    @classmethod
    def papers(cls, tmp_path_factory):
        """A checkout with the paper's config, and the files of the user's that are laid over it."""
        folder = checkout(tmp_path_factory.mktemp("documented") / "rvd")
        (folder / "my.yaml").write_text("revision: 1\n")
        page = (REPOSITORY / "docs" / "reproduction.md").read_text()
        (authors,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
        (folder / "authors.yaml").write_text(authors)
        checkpoint = folder / yaml.safe_load(authors)["models"]["authors"]["path"]
        checkpoint.parent.mkdir()
        checkpoint.touch()
        return folder

    def test_they_are_found(self):
        found = documented("snakemake")
        for command in ("--cores 8 all", "--workflow-profile slurm all", "--cores 8 partial"):
            assert f"snakemake {command}" in found
        assert "make demo" in documented("make")

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "command", sorted({*documented("snakemake"), "snakemake results/ablation.csv"})
    )
    def test_snakemake_resolves_it(self, papers, command):
        command = command if " -n" in command else f"{command} --dry-run --quiet all"
        succeeded(papers, command, fresh=False)

    @pytest.mark.parametrize("command", documented("make"))
    def test_make_has_the_target(self, papers, command):
        succeeded(papers, f"{command} --dry-run")


def test_partial_with_nothing_there_is_one_line(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(small()))
    done = run(tmp_path, f"{sys.executable} -m rvd partial --config config.yaml --output partial")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("rvd: results: no forecasts and no scores")
    assert not (tmp_path / "partial").exists()


@pytest.mark.slow
def test_a_download_that_hangs_leaves_the_only_core_to_simulations(tmp_path):
    """The server answers once the simulated dataset is complete, or after minutes."""
    videos, seen = tmp_path / "rvd" / "data" / "simulation.h5", []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_GET(self):
            before, end = videos.exists(), time.monotonic() + 180
            while not videos.exists() and time.monotonic() < end:
                time.sleep(0.1)
            seen.append((before, videos.exists()))
            self.send_error(404)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    values = small()
    values["datasets"]["my-kth"] = {
        "reader": "kth",
        "size": 16,
        "horizon": 3,
        "download": {
            "mirrors": [f"http://127.0.0.1:{server.server_port}"],
            "files": {"a.zip": {}},
        },
    }
    folder = checkout(tmp_path / "rvd", values)
    targets = "data/raw/my-kth/a.zip.sha256 data/simulation.h5"
    done = run(folder, f"snakemake --cores 1 --retries 0 {targets}")
    server.shutdown()
    server.server_close()
    assert done.returncode != 0
    assert videos.exists()
    # The first request came before the simulation was complete, and was answered after it.
    assert seen[0] == (False, True), done.stderr[-3000:]
    assert "leave 'my-kth' out of run.datasets" in done.stderr
