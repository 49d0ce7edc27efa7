"""``config/gpu-day.yaml``: the paper's comparison on one GPU in a day, here much smaller."""

import os
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml

from rvd.experiment.loading import load_experiment
from rvd.workflow.plan import ABLATION, Plan
from tests import prefork

REPOSITORY = Path(__file__).parents[1]
PAPER, DAY = REPOSITORY / "config" / "config.yaml", REPOSITORY / "config" / "gpu-day.yaml"
RUNS = {"reynolds": [75.0], "offset": [0.0]}
SMALL = {"width": 8, "denoiser_multipliers": [1, 2], "transform_multipliers": [1, 2]}
TINY = {
    "run": {"datasets": ["simulation"], "models": ["rvd", "vd", "persistence"]},
    "datasets": {
        "simulation": {
            "size": 16,
            "horizon": 3,
            "columns": [4, 36],
            "flow": {"width": 64, "height": 32, "diameter": 5.0, "center": 10.0, "interval": 20,
                     "warmup": 400},
            "runs": {split: RUNS | {"frames": 12} for split in ("train", "val", "test")},
        }
    },
    "models": {
        "rvd": {
            "networks": {16: SMALL},
            "diffusion_steps": 10,
            "sampler": {"steps": 2},
            "training": {"steps": 3, "batch": {16: 2}, "workers": 0},
        },
        "vd": {"training": {"steps": 3}},
    },
    "evaluation": {"clips": 2, "ensemble": 2, "metrics": ["crps"]},
    "compute": {"gpus": 0, "threads": 1},
}  # fmt: skip


def snakemake(folder, *options):
    command = [prefork.python(), "-m", "snakemake", f"--snakefile={REPOSITORY / 'Snakefile'}",
               f"--directory={folder}", "--cores=2", *options]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_it_has_the_models_of_both_tables_and_three_seeds_of_the_two_that_are_contrasted():
    plan = Plan(load_experiment([PAPER, DAY]))
    run = plan.experiment.run
    assert run.datasets == ("simulation", "simulation-perturbed")
    assert set(ABLATION) < set(run.models)
    assert run.models == load_experiment([PAPER]).run.models
    assert {len(plan.seeds(model)) for model in ("rvd", "vd")} == {3}
    assert {len(plan.seeds(model)) for model in set(run.models) - {"rvd", "vd", "rvd-mean"}} == {1}
    assert all(plan.experiment.datasets[name].size == 64 for name in run.datasets)


@pytest.mark.parametrize("more", [[], ["--config", "run={datasets: [simulation, kth]}"]])
def test_it_plans_everything(tmp_path, more):
    run = snakemake(tmp_path, "-n", "all", "--configfile", DAY, *more)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    # Nine models, two of them with three seeds, on two datasets.
    counted = re.findall(r"^train +(\d+)$", run.stdout + run.stderr, re.MULTILINE)
    assert counted[:1] == ["26"]


@pytest.mark.slow
def test_it_runs(tmp_path):
    tiny = tmp_path / "tiny.yaml"
    tiny.write_text(yaml.safe_dump(TINY))
    run = snakemake(tmp_path, "gpu-day/results/ablation.csv", "--configfile", DAY, tiny)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    table = pd.read_csv(tmp_path / "gpu-day" / "results" / "ablation.csv")
    ours = table[(table.dataset == "simulation") & (table.metric == "crps")].set_index("model")
    assert ours.seeds["rvd"] == ours.seeds["vd"] == 3
    assert ours.seeds["persistence"] == 1
    assert ours["standard error"].notna()[["rvd", "vd"]].all()
