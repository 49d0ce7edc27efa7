"""The tiny pipeline as commands, run once without interruption as the reference."""

from __future__ import annotations

import json
import re
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import yaml

from rvd.experiment.loading import experiment_from_mapping
from rvd.workflow.plan import Plan
from tests.artefacts import contents
from tests.datasets.sections import values
from tests.faults import tally
from tests.faults.commands import Command
from tests.tiny import config, moving_squares

CHECKPOINTS = "checkpoints"
VIDEOS, PREDICTOR, SAMPLES = "videos.h5", "predictor.safetensors", "samples.h5"
OWN_VIDEO, FORECAST, ARCHIVE = "own.gif", "forecast.h5", "archive.zip"
CONFIGS = ("tiny.yaml", "fetch.yaml", "reader.yaml")
# What a command that was completed leaves of neither its own nor an interrupted attempt.
LEFTOVERS = re.compile(r"\.(partial|part|part\.json|unfinished)$")
STEPS, EVERY = (40, 5) if tally.WHOLE else (16, 2)
# The trainer with a process that reads clips, which takes seconds to start.
WITH_READER = "trainer with a reader"
FLOW = {"train-0": 60.0, "train-1": 80.0, "val-0": 70.0, "test-0": 75.0}


def experiment(workers: int = 0) -> dict:
    """Return the tiny config, with a training that can be killed at many steps."""
    values = config()
    values["models"]["rvd"]["training"] |= {
        "steps": STEPS,
        "checkpoint_every": EVERY,
        "validate_every": 3 * EVERY,
        "workers": workers,
    }
    # Short intervals, so that a simulation writes two checkpoints.
    values["datasets"]["simulation"]["flow"]["interval"] = 4
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
            ["scores.csv", "maps.h5"],
        ),
        Command(
            "predict",
            "rvd",
            [
                *("predict", OWN_VIDEO, f"--predictor={PREDICTOR}", f"--output={FORECAST}"),
                *("--context=2", "--horizon=12", "--ensemble=8", "--threads=1"),
            ],
            [FORECAST],
        ),
        Command(
            "fetch",
            "rvd",
            [
                *("fetch", ARCHIVE, "--config=fetch.yaml", "--dataset=remote"),
                f"--output=raw/{ARCHIVE}.sha256",
            ],
            [f"raw/{ARCHIVE}", f"raw/{ARCHIVE}.sha256"],
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
        if name == WITH_READER:
            trainer = self.before("trainer", folder)
            arguments = [a.replace("tiny.yaml", "reader.yaml") for a in trainer.arguments]
            return self._run_once(replace(trainer, name=name, arguments=arguments))
        folder.mkdir(parents=True)
        for file in (*CONFIGS, OWN_VIDEO):
            shutil.copy(self.folder / file, folder)
        (folder / "runs").mkdir()
        for command in self.commands.values():
            if command.name == name:
                if name == "simulator":
                    break
                return command
            if name == "fetch":
                continue
            for path in command.made:
                shutil.copy(self.folder / path, folder / path)
            if command.name == "simulator":
                for path in (self.folder / "runs").glob("*.h5"):
                    shutil.copy(path, folder / "runs")
        return self.commands[name]

    def _run_once(self, command: Command) -> Command:
        """Run a variant of the trainer without interruption, unless that was done before."""
        if command.name not in self.made:
            folder = self.folder.with_name(command.name)
            self.before("trainer", folder)
            began = time.monotonic()
            command.whole(folder)
            self.seconds[command.name] = time.monotonic() - began
            self.made[command.name] = contents(folder, list(command.made))
            self.commands[command.name] = command
            # The config in the predictor differs, the training does not.
            assert self.made[command.name]["curve.csv"] == self.made["trainer"]["curve.csv"]
        return command

    def check(self, name: str, folder: Path) -> None:
        """Check that the results of command ``name`` in ``folder`` equal the reference.

        And that no file of an interrupted attempt is left.
        """
        assert self.results(name, folder) == self.made[name], name
        assert self.leftovers(folder) == []

    def results(self, name: str, folder: Path) -> dict[str, str]:
        """Return name → digest of the files that command ``name`` made in ``folder``."""
        return contents(folder, list(self.commands[name].made))

    def leftovers(self, folder: Path) -> list[Path]:
        """Return the files of interrupted attempts in ``folder``."""
        return [path for path in folder.rglob("*") if LEFTOVERS.search(path.name)]


def run_reference(folder: Path, server: str) -> ReferenceRun:
    """Run every command in ``folder``; ``server`` has the archive to download."""
    folder.mkdir(parents=True)
    remote = values("bair", download={"mirrors": [server], "files": {ARCHIVE: {}}})
    run = {"datasets": ["remote"], "models": ["persistence"], "seeds": [0]}
    configs = experiment(), config(datasets={"remote": remote}, run=run), experiment(workers=1)
    for name, described in zip(CONFIGS, configs, strict=True):
        (folder / name).write_text(yaml.safe_dump(described, sort_keys=False))
    squares = moving_squares(12, size=64, dtype=np.uint8)[..., 0]
    iio.imwrite(folder / OWN_VIDEO, squares, duration=100, loop=0)
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
