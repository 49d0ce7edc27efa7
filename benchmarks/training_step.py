"""Time and peak memory of RVD's training step: the demo's network, and the paper's at batch 1.

Variants of a network are interleaved, so that drifts of the machine's speed hit them alike; ratios
are of medians, and each figure stands with its smallest and largest value.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import time
from pathlib import Path

import torch

from rvd.config import load_experiment
from rvd.models import build

CONFIG = Path(__file__).parents[1] / "config"
# Name → (config files, frame size, channels, clips a step).
CASES = {
    "demo, 32 px, batch 4": ([CONFIG / "config.yaml", CONFIG / "demo.yaml"], 32, 1, 4),
    "paper, 64 px, batch 1": ([CONFIG / "config.yaml"], 64, 3, 1),
    "paper, 128 px, batch 1": ([CONFIG / "config.yaml"], 128, 3, 1),
}


def step_times(case: str, threads: int, steps: int) -> tuple[list[float], float]:
    """Seconds of each step after a first one, and the process's peak memory in MB."""
    paths, size, channels, batch = CASES[case]
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = build(load_experiment(paths).models["rvd"], size, channels)
    training = model.config.training
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4)
    video = torch.rand(batch, training.clip_length, channels, size, size)
    seconds = []
    for _ in range(steps + 1):
        began = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        model(video)["loss"].backward()
        optimiser.step()
        seconds.append(time.perf_counter() - began)
    return seconds[1:], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3, help="steps of each round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over all variants")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    arguments = parser.parse_args()
    # A fresh process for each measurement: peak memory is of a process.
    context = multiprocessing.get_context("spawn")
    print(f"{'case':24} {'threads':>7} {'ms a step (min … max)':>28} {'peak MB':>8}")
    for case in arguments.cases:
        found: dict[int, list[float]] = {1: [], 2: []}
        memory: dict[int, float] = {}
        for _ in range(arguments.rounds):
            for threads, times in found.items():
                with context.Pool(1) as pool:
                    seconds, memory[threads] = pool.apply(
                        step_times, (case, threads, arguments.steps)
                    )
                times += seconds
        for threads, times in found.items():
            middle, low, high = (
                1000 * value for value in (statistics.median(times), min(times), max(times))
            )
            spread = f"{middle:.0f} ({low:.0f} … {high:.0f})"
            print(f"{case:24} {threads:7} {spread:>28} {memory[threads]:8.0f}")
        ratio = statistics.median(found[1]) / statistics.median(found[2])
        print(f"{case:24} two threads are {ratio:.2f} times as fast as one")


if __name__ == "__main__":
    main()
