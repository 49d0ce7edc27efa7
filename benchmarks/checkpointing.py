"""Cost of checkpoints relative to training steps, and the time to resume a training.

For the demo's RVD: the seconds to write a checkpoint (with its checksum, and flushed to the disk),
to read it, and of a training step; and the seconds from the start of an interrupted command to its
next step.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import described
from rvd.config.training import TrainingConfig
from rvd.experiment.loading import load_experiment
from rvd.models.registry import build
from rvd.training.checkpoint import load_checkpoint, save_checkpoint
from rvd.training.history import read_history
from tests.tiny import write_squares

CONFIG = Path(__file__).parents[1] / "config"
SIZE = 32


def report(name: str, seconds: list[float]) -> float:
    """Print and return the median."""
    middle = statistics.median(seconds)
    print(f"{name:34}{middle:8.3f} s ({min(seconds):.3f} … {max(seconds):.3f})")
    return middle


def checkpoints(rounds: int) -> None:
    section = load_experiment([CONFIG / "config.yaml", CONFIG / "demo.yaml"]).models["rvd"]
    model = build(section, SIZE, 1).train()
    optimiser = torch.optim.Adam(model.parameters())
    video = torch.rand(section.training.batch[SIZE], section.training.clip_length, 1, SIZE, SIZE)
    steps, writes, reads = [], [], []

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        model(video)["loss"].backward()
        optimiser.step()

    step()
    with tempfile.TemporaryDirectory() as name:
        for number in range(rounds):
            start = time.perf_counter()
            step()
            steps.append(time.perf_counter() - start)
            state = {"model": model.state_dict(), "optimisers": optimiser.state_dict(),
                     "average": model.state_dict()}  # fmt: skip
            start = time.perf_counter()
            save_checkpoint(Path(name), number, {}, state)
            writes.append(time.perf_counter() - start)
            start = time.perf_counter()
            load_checkpoint(Path(name), {})
            reads.append(time.perf_counter() - start)
        size = max(path.stat().st_size for path in Path(name).iterdir())
    print(f"a checkpoint of {size / 1e6:.1f} MB")
    write, one = report("to write it", writes), report("a step", steps)
    report("to read it", reads)
    default = TrainingConfig.model_fields["checkpoint_every"].default
    for every in (default, section.training.checkpoint_every):
        print(f"share of the time, every {every:5} steps: {write / (write + every * one):8.3%}")


def resuming(rounds: int) -> None:
    """Run the command repeatedly, and stop it after its first steps."""
    with tempfile.TemporaryDirectory() as name:
        folder, seconds = Path(name), []
        write_squares(folder / "v.h5", size=SIZE, frames=30)
        command = [sys.executable, "-m", "rvd", "train", f"--config={CONFIG / 'config.yaml'}"]
        command += [f"--config={CONFIG / 'demo.yaml'}", "--dataset=simulation", "--model=rvd"]
        command += ["--seed=0", "--videos=v.h5", "--checkpoints=c", "--output=p", "--curve=t.csv"]
        command += ["--threads=1"]
        for _ in range(rounds + 1):
            events, start = len(read_history(folder / "c")), time.perf_counter()
            process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
            while len(read_history(folder / "c")) == events and process.poll() is None:
                time.sleep(0.02)
            seconds.append(time.perf_counter() - start)
            time.sleep(2)
            os.kill(process.pid, signal.SIGTERM)
            if process.wait() != 75:
                raise RuntimeError("the training did not stop with exit code 75")
        report("restarted, until it trains", seconds[1:])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    print(described("cpu"))
    checkpoints(rounds)
    resuming(min(rounds, 4))
