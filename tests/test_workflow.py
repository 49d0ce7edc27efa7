"""The workflow as users run it: the real Snakefile, on a tiny simulated flow."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from rvd.config.merging import merge
from tests import prefork
from tests.tiny import config

REPOSITORY = Path(__file__).parents[1]


def snakemake(
    folder, *targets, options=(), start=subprocess.run, root="out", python=None, **changes
):
    """Run the Snakefile in ``folder`` on the tiny config with ``changes`` laid over it.

    With ``python=sys.executable`` Snakemake and its jobs are fresh interpreters.
    """
    tiny = folder / "tiny.yaml"
    tiny.write_text(yaml.safe_dump(merge(config(root=root), changes)))
    command = [
        python or prefork.python(),
        "-m",
        "snakemake",
        f"--snakefile={REPOSITORY / 'Snakefile'}",
        f"--directory={folder}",
        "--cores=2",
        *options,
        "--configfile",
        str(tiny),
        "--",
        *targets,
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return start(command, **pipes, text=True, env=environment)


def dry_run(*arguments):
    """A dry run of the default config, in the repository itself."""
    command = [prefork.python(), "-m", "snakemake", "-n", "--cores=8", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder in which the whole pipeline has run, most verbs once in a fresh interpreter."""
    folder, results = tmp_path_factory.mktemp("workflow"), "out/results"
    first = [f"{results}/simulation/{model}/seed0/scores.csv" for model in ("vd", "analogue")]
    fresh = [f"{results}/{name}" for name in ("figures/frames", "gallery.html", "flow/simulation")]
    for targets, python in ((first, None), (fresh, sys.executable), (["all"], None)):
        run = snakemake(folder, *targets, python=python)
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return folder


@pytest.mark.slow
class TestWhole:
    def test_everything_is_made(self, finished):
        results = finished / "out" / "results"
        for path in ("table1.csv", "ablation.csv", "gallery.html", "config.json"):
            assert (results / path).stat().st_size > 0, path
        notebooks = ("frames", "crps_by_frame", "crps_maps", "calibration", "cost_quality")
        for notebook in (*notebooks, "ablations", "training"):
            assert list((results / "figures" / notebook).glob("*.png")), notebook
            assert (results / "figures" / notebook / f"{notebook}.html").exists()
        flow = {path.stem for path in (results / "flow" / "simulation").glob("*.png")}
        assert flow == {
            "street", "forces", "strouhal", "spectrum", "autocorrelation", "similarity"
        }  # fmt: skip
        scores = pd.read_csv(results / "simulation" / "rvd" / "seed0" / "scores.csv")
        assert set(scores.dataset) == {"simulation"}
        assert json.loads((results / "config.json").read_text())["root"] == "out"

    def test_the_report_carries_tables_figures_and_gallery_with_captions(self, finished):
        run = snakemake(finished, options=["--report=report.html"], python=sys.executable)
        assert run.returncode == 0, run.stderr[-2000:]
        report = (finished / "report.html").read_text()
        for name in ("Tables", "Figures", "Gallery", "inverse-crps", "frames-simulation"):
            assert name in report
        for caption in ("Table 1 of the paper", "Figure 3", "Figure 4", "sortable tables"):
            assert caption in report

    def test_nothing_is_left_to_do(self, finished):
        again = snakemake(finished, "all")
        assert again.returncode == 0
        assert "Nothing to be done" in again.stdout + again.stderr

    def test_samplers_are_compared_when_asked_for(self, finished):
        folder = "out/results/simulation/rvd/seed0"
        run = snakemake(finished, f"{folder}/sampler_cost", python=sys.executable)
        assert run.returncode == 0, run.stderr[-2000:]
        assert list((finished / folder / "sampler_cost").glob("*.png"))
        chosen = yaml.safe_load((finished / folder / "sampler.yaml").read_text())
        assert "method" in chosen["models"]["rvd"]["on"]["simulation"]["sampler"]

    @pytest.mark.parametrize(
        ("changes", "rules"),
        [
            ({"evaluation": {"ensemble": 2}}, {"sample", "score", "table", "figures", "gallery"}),
            ({"evaluation": {"metrics": ["crps"]}}, {"score", "table", "figures", "gallery"}),
            (
                {"evaluation": {"lpips_network": "vgg"}},
                {"score", "table", "figures", "gallery"},
            ),
            ({"models": {"rvd": {"training": {"workers": 1, "journal_every": 5}}}}, set()),
        ],
    )
    def test_a_change_reruns_what_it_touches(self, finished, changes, rules):
        run = snakemake(finished, "all", options=["--dry-run"], **changes)
        assert run.returncode == 0
        # The summary has a line for each rule: its name and how many jobs.
        counted = re.findall(r"^(\w+) +\d+$", run.stdout + run.stderr, re.MULTILINE)
        assert set(counted) - {"all", "total"} == rules


@pytest.mark.slow
class TestLock:
    """The lock on the experiment's root, which ends with Snakemake, however that ends."""

    TARGET = "out/data/simulation.h5"

    @pytest.fixture
    def running(self, tmp_path):
        """A workflow that has started its first job, from ``tmp_path``."""
        process = snakemake(tmp_path, self.TARGET, start=subprocess.Popen, python=sys.executable)
        while not list(tmp_path.glob("out/data/simulation/.*.unfinished")):
            assert process.poll() is None
            time.sleep(0.01)
        yield process
        process.kill()
        process.communicate()

    def test_after_a_kill_the_same_command_continues(self, running, tmp_path):
        running.kill()  # its jobs outlive it
        running.wait()
        again = snakemake(tmp_path, self.TARGET)
        assert again.returncode == 0, again.stderr[-3000:]
        assert (tmp_path / self.TARGET).exists()

    def test_the_root_takes_one_workflow_and_any_dry_run(self, running, tmp_path):
        running.send_signal(signal.SIGSTOP)  # so that it cannot end too early
        try:
            elsewhere = tmp_path / "elsewhere"
            elsewhere.mkdir()
            root = str(tmp_path / "out")
            target = f"{root}/data/simulation.h5"
            for options in ((), ("--workflow-profile", "none")):
                second = snakemake(elsewhere, target, root=root, options=options)
                said = second.stdout + second.stderr
                assert second.returncode == 1
                assert said.count(f"{root}: another workflow is at work there") == 1
                assert "Traceback" not in said
            dry = snakemake(tmp_path, self.TARGET, options=["--dry-run"])
            assert dry.returncode == 0, dry.stderr[-3000:]
        finally:
            running.send_signal(signal.SIGCONT)
        _, said = running.communicate(timeout=120)
        assert running.returncode == 0, said[-3000:]
        options = ["--workflow-profile", "none", "--force"]
        without = snakemake(tmp_path, self.TARGET, options=options)
        assert without.returncode == 0, without.stderr[-3000:]


class TestPlan:
    @pytest.mark.parametrize("target", ["all", "results/ablation.csv", "results/table1.csv"])
    def test_the_default_config_resolves(self, target):
        run = dry_run(target)
        assert run.returncode == 0, run.stderr
        assert "train" in run.stdout + run.stderr

    def test_networks_are_fetched_for_the_metrics_that_need_them(self, tmp_path):
        for metrics, fetched in ((["crps"], 0), (["crps", "lpips"], 1), (["fvd", "lpips"], 2)):
            changes = {"evaluation": {"metrics": metrics}}
            run = snakemake(tmp_path, "all", options=["--dry-run"], **changes)
            assert run.returncode == 0, run.stderr
            counts = re.findall(r"^weights +(\d+)$", run.stdout + run.stderr, re.MULTILINE)
            assert counts[:1] == ([str(fetched)] if fetched else [])

    def test_an_error_in_the_config_stops_before_anything_starts(self, tmp_path):
        run = snakemake(tmp_path, "all", evaluation={"contxt": 3})
        said = run.stdout + run.stderr
        assert run.returncode != 0
        assert "evaluation.contxt: there is no such key; did you mean 'context'?" in said
        assert "Traceback" not in said
        assert not (tmp_path / "out").exists()
