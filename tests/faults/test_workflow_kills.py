"""Snakemake, killed at any moment alone or with all jobs, resumes without loss."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from rvd.config.merging import merge
from tests.artefacts import contents
from tests.faults import tally
from tests.tiny import config

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
TARGET = "out/results/table1.csv"
CHANGES = {
    "run": {"models": ["rvd", "persistence"]},
    "models": {"rvd": {"training": {"steps": 60, "checkpoint_every": 5, "workers": 1}}},
}
MADE = [
    TARGET,
    "out/data/simulation.h5",
    *(
        f"out/results/simulation/rvd/seed0/{name}"
        for name in ("predictor.safetensors", "curve.csv", "samples.h5", "scores.csv")
    ),
]
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# Kills in the whole suite; the short one excludes this test, since each start takes seconds.
KILLS = 12
PATIENCE = 600.0


def command(folder):
    return [
        *(sys.executable, "-m", "snakemake", f"--snakefile={REPOSITORY / 'Snakefile'}"),
        *(f"--directory={folder}", "--cores=2"),
        *("--configfile", str(folder / "tiny.yaml"), "--", TARGET),
    ]


def prepared(folder):
    folder.mkdir()
    text = yaml.safe_dump(merge(config(root="out"), CHANGES))
    (folder / "tiny.yaml").write_text(text)
    return folder


def started(folder):
    """Start Snakemake in a separate session, whose processes can be killed together."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (folder / "said").open("w") as said:
        return subprocess.Popen(
            command(folder), stdout=said, stderr=said, env=environment, start_new_session=True
        )


def completed(folder):
    """Run the command once more; it waits for the jobs that outlived Snakemake."""
    code = started(folder).wait(PATIENCE)
    assert code == 0, (folder / "said").read_text()[-3000:]


@pytest.mark.skipif(not tally.WHOLE, reason="takes minutes: run `make test-faults`")
def test_killed_snakemake_resumes(tmp_path):
    began = time.monotonic()
    whole = prepared(tmp_path / "whole")
    completed(whole)
    seconds = time.monotonic() - began
    generator = random.Random("snakemake 0")
    folder = prepared(tmp_path / "killed")
    for turn in range(KILLS):
        process = started(folder)
        # The minimum is the time to read the Snakefile. Results are kept, so less remains to do.
        time.sleep(generator.uniform(0.1, 0.6 * seconds))
        number, together = generator.choice(SIGNALS), turn % 2 == 0
        if process.poll() is None:
            what = "Snakemake with its jobs" if together else "Snakemake alone"
            tally.kills[f"{what} by {number.name}"] += 1
            (os.killpg if together else os.kill)(process.pid, number)
        process.wait(PATIENCE)
        if process.returncode == 0:
            completed(folder)
            assert contents(folder, MADE) == contents(whole, MADE)
            folder = prepared(tmp_path / f"killed-{turn}")
    completed(folder)
    assert contents(folder, MADE) == contents(whole, MADE)
