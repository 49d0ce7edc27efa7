"""Training steps of each model of a config that take the same processor time.

One thread, whole steps as the trainer takes them (each player as often as ``players.every`` says),
in rounds over all models, so that drifts of the machine affect all alike. Models that grow are
measured at several steps of their growth. ``config/contest.yaml`` has its steps from here.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from benchmarks.machine import described
from rvd.config.trained import TrainedModelConfig
from rvd.config.training import PlayerConfig
from rvd.experiment.loading import load_experiment
from rvd.models.registry import build

CONFIG = Path(__file__).parents[1] / "config"
CONFIGS = [CONFIG / name for name in ("config.yaml", "demo.yaml", "contest.yaml")]

# Parts of the training at which a model that grows is measured.
POSITIONS = (0.1, 0.35, 0.6, 0.85)


def stepper(section: TrainedModelConfig, size: int, channels: int) -> Callable[[int], float]:
    """Return a function from a step's number to the processor seconds of a step there.

    Args:
        section: The model's section of the config.
        size: Height and width of a frame, in pixels.
        channels: Number of channels of a frame.
    """
    training = section.training
    torch.manual_seed(0)
    model = build(section, size, channels)
    optimisers = {
        player: torch.optim.Adam(module.parameters(), 1e-5)
        for player, module in model.players.items()
    }
    counts = dict.fromkeys(optimisers, 0)

    def step(number: int) -> float:
        batch = section.stage(number, size).batch
        video = torch.rand(batch, training.clip_length, channels, size, size)
        start = time.process_time()
        model.begin_step(number)
        for player, optimiser in optimisers.items():
            counts[player] += 1
            if counts[player] % training.players.get(player, PlayerConfig()).every:
                continue
            for module in model.players.values():
                module.requires_grad_(module is model.players[player])
            optimiser.zero_grad(set_to_none=True)
            model(video, player)["loss"].backward()
            optimiser.step()
        return time.process_time() - start

    return step


def main(configs: Sequence[Path], dataset: str, budget: float, rounds: int) -> None:
    """Print seconds per step, and the steps that take ``budget`` seconds, by trained model."""
    torch.set_num_threads(1)
    experiment = load_experiment(list(configs))
    described_dataset = experiment.datasets[dataset]
    sections = {
        name: section
        for name in experiment.run.models
        if isinstance(section := experiment.model(name, dataset), TrainedModelConfig)
    }
    steppers = {
        name: stepper(section, described_dataset.size, described_dataset.channels)
        for name, section in sections.items()
    }
    # Six steps are a multiple of every player's turn; the first ones are not counted.
    turns = 6
    found: dict[str, list[float]] = {name: [] for name in steppers}
    for turn in range(rounds + 1):
        for name, step in steppers.items():
            last = sections[name].training.steps - 1
            for position in POSITIONS:
                times = [step(round(position * last)) for _ in range(turns)]
                if turn:
                    found[name].append(statistics.mean(times))
    print(described("cpu"))
    print(f"{'model':16} {'s/step':>8} {'(least … most round)':>22} {'steps':>8}")
    for name, seconds in found.items():
        whole = [
            statistics.mean(seconds[start : start + len(POSITIONS)])
            for start in range(0, len(seconds), len(POSITIONS))
        ]
        middle = statistics.median(whole)
        spread = f"({min(whole):.3f} … {max(whole):.3f})"
        print(f"{name:16} {middle:8.3f} {spread:>22} {budget / middle:8.0f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, nargs="+", default=CONFIGS)
    parser.add_argument("--dataset", default="simulation-perturbed")
    parser.add_argument("--budget", type=float, default=240.0, help="processor seconds")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    main(arguments.config, arguments.dataset, arguments.budget, arguments.rounds)
