"""The tiny pipeline on a real SLURM through profiles/slurm, with all kinds of interruptions.

A training is cancelled, preempted, and then stopped at its time limit until it is complete. Its
results, and those of the rules after it, equal those of an uninterrupted run on this machine.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from rvd.config.merging import merge
from rvd.training.history import read_history, summarise
from tests.artefacts import contents
from tests.slurm import cluster
from tests.test_commands import checkout, small, succeeded
from tests.test_workflow import snakemake
from tests.tiny import config

REPOSITORY = Path(__file__).parents[2]
WANTED = os.environ.get("RVD_TEST_SLURM") == "1"
REASON = cluster.why_not() or "installs and starts SLURM on this machine: run `make test-slurm`"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not WANTED or bool(cluster.why_not()), reason=f"no test cluster: {REASON}"),
]

# Enough steps for several time limits. The GPU is simulated: jobs request one (RESOURCES),
# but torch sees none and uses the CPU.
STEPS = 1500
CHANGES = {
    "run": {"models": ["rvd", "persistence"]},
    "models": {
        "rvd": {
            "training": {
                "steps": STEPS,
                "checkpoint_every": 100,
                "validate_every": 10_000,
                "workers": 2,
            }
        }
    },
    "compute": {"gpus": 0},
}
TARGET = "out/results/table1.csv"
MADE = [
    TARGET,
    "out/data/simulation.h5",
    *(
        f"out/results/simulation/rvd/seed0/{name}"
        for name in ("predictor.safetensors", "curve.csv", "samples.h5", "scores.csv")
    ),
]
CHECKPOINTS = "out/checkpoints/simulation/rvd/seed0"
# Instead of the profile's: a partition with preemption, and the minimum time limit.
RESOURCES = [
    "train:gpu=1",
    "sample:gpu=1",
    "train:slurm_partition=scavenge",
    "train:runtime=1",
    "train:slurm_extra='--signal=TERM@10'",
    "sample:slurm_partition=gpu",
]
PATIENCE = 1800.0


@pytest.fixture(scope="module")
def running_cluster():
    cluster.up()
    yield
    cluster.down()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("local")
    run = snakemake(folder, TARGET, **CHANGES)
    assert run.returncode == 0, run.stderr[-3000:]
    return contents(folder, MADE)


def submitted(folder, target=TARGET, **changes):
    """Start Snakemake on the cluster in the background."""
    tiny = folder / "tiny.yaml"
    tiny.write_text(yaml.safe_dump(merge(config(root="out"), changes or CHANGES)))
    command = [sys.executable, "-m", "snakemake", f"--snakefile={REPOSITORY / 'Snakefile'}"]
    command += [f"--directory={folder}", f"--workflow-profile={REPOSITORY / 'profiles' / 'slurm'}"]
    command += ["--retries=20", "--slurm-init-seconds-before-status-checks=5"]
    command += ["--set-threads", "convert=1"]  # the node has few
    command += ["--set-resources", *RESOURCES, "--configfile", str(tiny), "--", target]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (folder / "snakemake.log").open("w") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def wait_for_progress(folder, attempt, run):
    """Wait until the training has saved a checkpoint in its ``attempt``-th attempt."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert run.poll() is None, (folder / "snakemake.log").read_text()[-3000:]
        events = read_history(folder / CHECKPOINTS)
        began = [event["step"] for event in events if event["event"] == "began"]
        saved = [int(p.stem[5:]) for p in (folder / CHECKPOINTS).glob("step-*.pt")]
        if len(began) == attempt and saved and max(saved) > began[-1]:
            return
        time.sleep(0.1)
    raise AssertionError(f"no attempt {attempt} within {PATIENCE:.0f} s")


@pytest.fixture(scope="module")
def interrupted(running_cluster, tmp_path_factory):
    """Return the folder of a run whose training was cancelled, preempted, and timed out."""
    folder = tmp_path_factory.mktemp("cluster")
    run = submitted(folder)
    try:
        wait_for_progress(folder, 1, run)
        (job,) = said("squeue", "--noheader", "--partition=scavenge", "--format=%i")
        said("scancel", job)
        wait_for_progress(folder, 2, run)
        said("sbatch", "--partition=gpu", "--account=rvd", "--gpus=2", "--output=/dev/null",
             "--wrap=sleep 3")  # fmt: skip
        code = run.wait(PATIENCE)
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()
    assert code == 0, (folder / "snakemake.log").read_text()[-3000:]
    return folder


def test_the_training_was_interrupted_in_all_three_ways(interrupted):
    events = read_history(interrupted / CHECKPOINTS)
    history = summarise(events)
    # Cancelled, preempted, and at least once at its time limit (more STEPS, if it is too fast for
    # that): each time it saved.
    assert history.stopped >= 3, events
    assert history.failed == 0, events
    print(f"\nSLURM: the training was {history}; nothing lost")
    jobs = said("sacct", "--noheader", "--allocations", "--format=State%20,Partition%12")
    assert "CANCELLED" in jobs


def test_all_results_equal_those_of_the_uninterrupted_run(interrupted, uninterrupted):
    assert contents(interrupted, MADE) == uninterrupted


def test_each_gpu_job_had_a_gpu(interrupted):
    jobs = said("sacct", "--noheader", "--allocations", "--partition=scavenge",
                "--format=AllocTRES%80")  # fmt: skip
    assert jobs
    assert all("gres/gpu=1" in job for job in jobs), jobs


def test_the_logs_of_failed_jobs_are_in_one_folder(interrupted):
    assert list((interrupted / "logs" / "slurm").rglob("*.log"))


def test_the_resolved_config_is_that_of_the_run(interrupted):
    resolved = json.loads((interrupted / "out/results/config.json").read_text())
    assert resolved["models"]["rvd"]["training"]["steps"] == STEPS


def test_the_documented_command(running_cluster, tmp_path):
    folder = checkout(tmp_path / "rvd", small())
    succeeded(folder, "snakemake --workflow-profile slurm all")
    for name in ("table1.csv", "ablation.csv", "gallery.html"):
        assert (folder / "results" / name).stat().st_size > 0, name


def test_a_damaged_input_is_not_retried(running_cluster, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    (films / "a.mp4").write_bytes(b"not a film")
    own = {"reader": "folder", "path": str(films), "size": 16, "channels": 1, "horizon": 4}
    run = submitted(tmp_path, "out/data/own.h5", datasets={"own": own}, run={"datasets": ["own"]})
    assert run.wait(PATIENCE) != 0
    log = (tmp_path / "snakemake.log").read_text()
    assert "out/logs/convert/own.log: not retried" in log, log[-3000:]
    assert "Trying to restart" not in log
