"""The tiny pipeline as commands, run once without interruption as the reference."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from rvd.experiment.loading import experiment_from_mapping
from rvd.workflow.plan import Plan
from tests.artefacts import contents
from tests.faults import tally
from tests.faults.commands import Command
from tests.tiny import config

CHECKPOINTS = "checkpoints"
VIDEOS, PREDICTOR, SAMPLES = "videos.h5", "predictor.safetensors", "samples.h5"
# A process that reads clips takes seconds to start.
STEPS, EVERY, WORKERS = (40, 5, 1) if tally.WHOLE else (16, 2, 0)
FLOW = {"train-0": 60.0, "train-1": 80.0, "val-0": 70.0, "test-0": 75.0}


def experiment() -> dict:
    """Return the tiny config, with a training that can be killed at many steps."""
    values = config()
    values["models"]["rvd"]["training"] |= {
        "steps": STEPS,
        "checkpoint_every": EVERY,
        "validate_every": 3 * EVERY,
        "workers": WORKERS,
    }
    values["evaluation"] |= {"clips": 3, "ensemble": 4}
    return values


def commands() -> dict[str, Command]:
    """Return the commands by name, in the order of the pipeline."""
    plan = Plan(experiment_from_mapping(experiment()))
    described = ["--config=tiny.yaml", "--dataset=simulation"]
    model = [*described, "--model=rvd", "--seed=0", f"--videos={VIDEOS}"]
    flags = plan.simulation_flags("simulation", "train-0").split()
    runs = [f"runs/{run}.h5" for run in sorted(FLOW)]
    found = [
        Command("simulator", "lbm", ["simulate", "runs/train-0.h5", *flags], ["runs/train-0.h5"]),
        Command("converter", "rvd", ["convert", *runs, *described, f"--output={VIDEOS}"], [VIDEOS]),
        Command(
            "trainer",
            "rvd",
            [
                "train",
                *model,
                f"--checkpoints={CHECKPOINTS}",
                f"--output={PREDICTOR}",
                "--curve=curve.csv",
            ],
            [PREDICTOR, "curve.csv"],
        ),
        Command(
            "sampler",
            "rvd",
            ["sample", *model, f"--predictor={PREDICTOR}", f"--output={SAMPLES}"],
            [SAMPLES],
        ),
        Command(
            "scorer",
            "rvd",
            ["score", SAMPLES, "--config=tiny.yaml", "--output=scores.csv"],
            ["scores.csv"],
        ),
    ]
    return {command.name: command for command in found}


@dataclass(frozen=True)
class ReferenceRun:
    """A folder in which all commands have run, with the results and times of each."""

    folder: Path
    commands: dict[str, Command]
    made: dict[str, dict[str, str]]
    seconds: dict[str, float]

    def before(self, name: str, folder: Path) -> Command:
        """Create ``folder`` with the inputs of command ``name``, without its outputs."""
        folder.mkdir(parents=True)
        shutil.copy(self.folder / "tiny.yaml", folder)
        (folder / "runs").mkdir()
        for command in self.commands.values():
            if command.name == name:
                if name == "simulator":
                    break
                return command
            for path in command.made:
                shutil.copy(self.folder / path, folder / path)
            if command.name == "simulator":
                for path in (self.folder / "runs").glob("*.h5"):
                    shutil.copy(path, folder / "runs")
        return self.commands[name]

    def check(self, name: str, folder: Path) -> None:
        """Check that the results of command ``name`` in ``folder`` equal the reference."""
        assert contents(folder, list(self.commands[name].made)) == self.made[name], name


def run_reference(folder: Path) -> ReferenceRun:
    """Run every command in ``folder``."""
    folder.mkdir(parents=True)
    (folder / "tiny.yaml").write_text(yaml.safe_dump(experiment(), sort_keys=False))
    (folder / "runs").mkdir()
    plan = Plan(experiment_from_mapping(experiment()))
    made, seconds = {}, {}
    for run in list(FLOW)[1:]:
        flags = plan.simulation_flags("simulation", run).split()
        Command(run, "lbm", ["simulate", f"runs/{run}.h5", *flags], []).whole(folder)
    for command in commands().values():
        began = time.monotonic()
        command.whole(folder)
        seconds[command.name] = time.monotonic() - began
        made[command.name] = contents(folder, list(command.made))
    return ReferenceRun(folder, commands(), made, seconds)


def journalled(folder: Path) -> list[int]:
    """Return the steps in a training's journal."""
    lines = (folder / CHECKPOINTS / "journal.jsonl").read_text().splitlines()
    return [json.loads(line)["step"] for line in lines]
