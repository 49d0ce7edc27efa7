"""Step time, memory and parameters of every trained model of the config, at the paper's sizes.

Each model runs in its own process, which gives its own peak memory. A step is one of every player
(forward, backward, Adam), with the model grown to its full size. Memory is that of the model, the
optimisers' state and the step, without the program's. ``--memory`` estimates it instead, with the
config's batch and micro-batch, and measures nothing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
from pathlib import Path

import torch

from benchmarks import memory as estimates
from benchmarks.machine import described, memory, now, peak_memory
from rvd.config.trained import TrainedModelConfig
from rvd.experiment.loading import load_experiment
from rvd.models.files import parameters
from rvd.models.registry import build

CONFIG = Path(__file__).parents[1] / "config" / "config.yaml"
CHANNELS = 3


def trained_models(config: Path) -> dict[str, TrainedModelConfig]:
    """Return the trained models of the config, by name."""
    models = load_experiment([config]).models
    return {name: model for name, model in models.items() if isinstance(model, TrainedModelConfig)}


def measure(
    config: Path, name: str, size: int, batch: int, device: str, steps: int
) -> tuple[list[float], float, int]:
    """Return the seconds of each step after a first one, MB of memory, and the parameters."""
    section = trained_models(config)[name]
    training = section.training
    before = memory(device)
    torch.manual_seed(0)
    model = build(section, size, CHANNELS).to(device)
    model.begin_step(training.steps - 1)
    optimisers = {
        player: torch.optim.Adam(module.parameters(), training.learning_rate.initial)
        for player, module in model.players.items()
    }
    video = torch.rand(batch, training.clip_length, CHANNELS, size, size, device=device)
    seconds = []
    for _ in range(steps + 1):
        start = now(device)
        for player, optimiser in optimisers.items():
            for module in model.players.values():
                module.requires_grad_(module is model.players[player])
            loss = model(video, player)["loss"]
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        seconds.append(now(device) - start)
    return seconds[1:], peak_memory(device) - before, parameters(model)


def main() -> None:
    names = sorted(trained_models(CONFIG))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--models", nargs="*", default=names)
    parser.add_argument("--sizes", nargs="*", type=int, default=[64, 128])
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument(
        "--batch", type=int, help="clips per step (default: 1 on a CPU, the config's on a GPU)"
    )
    parser.add_argument("--memory", action="store_true", help="estimate memory; compute nothing")
    arguments = parser.parse_args()
    if arguments.memory:
        models = trained_models(arguments.config)
        print(
            "GiB of a training step in float32, estimated on tensors without content (weights, "
            "gradients, Adam, saved activations), measured on no device:"
        )
        chosen = {name: models[name] for name in arguments.models}
        for line in estimates.table(chosen, arguments.sizes, CHANNELS):
            print(line, flush=True)
        return
    context = multiprocessing.get_context("spawn")
    print(described(arguments.device))
    print(
        f"{'':24} {'px':>4} {'clips':>6} {'frames':>7} {'million':>8} {'s per step':>9} {'MB':>7}"
    )
    models = trained_models(arguments.config)
    for name in arguments.models:
        training = models[name].training
        for size in arguments.sizes:
            published = training.batch[size] if arguments.device == "cuda" else 1
            batch = arguments.batch or published
            with context.Pool(1) as pool:
                seconds, megabytes, count = pool.apply(
                    measure,
                    (arguments.config, name, size, batch, arguments.device, arguments.steps),
                )
            print(
                f"{name:24} {size:4} {batch:6} {training.clip_length:7} {count / 1e6:8.1f} "
                f"{statistics.median(seconds):9.2f} {megabytes:7.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
