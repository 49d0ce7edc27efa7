"""Time and memory of RVD's training step, beside the frame-by-frame yardstick.

Variants are interleaved in fresh processes, so that drifts of the machine hit them alike and
peak memory is each one's own. Ratios are of medians; each time stands with its least and greatest
value. Memory is what forward and backward add to a process that holds model and data.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.frame_by_frame import FrameByFrame
from benchmarks.machine import described, memory, now, peak_memory
from rvd.config import ResidualDiffusion, load_experiment
from rvd.models import build

CONFIG = Path(__file__).parents[1] / "config"
# Name → (config files, frame size, channels, clips a step).
CASES = {
    "demo, 32 px, batch 4": ([CONFIG / "config.yaml", CONFIG / "demo.yaml"], 32, 1, 4),
    "paper, 64 px, batch 8": ([CONFIG / "config.yaml"], 64, 3, 8),
    "paper, 128 px, batch 4": ([CONFIG / "config.yaml"], 128, 3, 4),
}
YARDSTICK = "frame by frame, float32"
VARIANTS = (YARDSTICK, "float32", "bfloat16", "bfloat16, checkpointing")


def measure(case: str, variant: str, device: str, steps: int) -> tuple[list[float], float]:
    """Seconds of each step after a first one, and the memory of a step in MB."""
    paths, size, channels, batch = CASES[case]
    config = load_experiment(paths).models["rvd"]
    assert isinstance(config, ResidualDiffusion)
    # Noise prediction everywhere: it is what the yardstick computes.
    changes = {
        "objective": config.objective.model_copy(update={"target": "noise", "mean_loss": 0.0}),
        "training": config.training.model_copy(
            update={"gradient_checkpointing": "checkpointing" in variant}
        ),
    }
    torch.manual_seed(0)
    model = build(config.model_copy(update=changes), size, channels).to(device)
    video = torch.rand(batch, config.training.clip_length, channels, size, size, device=device)
    step = torch.randint(config.diffusion_steps, (batch,), device=device)
    noise = torch.randn_like(video[:, config.training.context :])
    compute: Callable[[], Tensor]
    if variant == YARDSTICK:
        yardstick = FrameByFrame(model)
        compute = lambda: yardstick(video, step, noise)  # noqa: E731 (two of a kind)
    else:
        compute = lambda: model(video, diffusion_step=step, noise=noise)["loss"]  # noqa: E731
    parameters = list(model.parameters())
    before, seconds = memory(device), []
    for _ in range(steps + 1):
        began = now(device)
        for parameter in parameters:
            parameter.grad = None
        with torch.autocast(device, torch.bfloat16, enabled="bfloat16" in variant):
            loss = compute()
        loss.backward()
        seconds.append(now(device) - began)
    return seconds[1:], peak_memory(device) - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1, help="steps of each round")
    parser.add_argument("--rounds", type=int, default=2, help="rounds over all variants")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    print(described(arguments.device))
    print(f"{'':26} {'s a step (least … most)':>28} {'× faster':>9} {'MB':>7} {'× memory':>9}")
    for case in arguments.cases:
        print(case)
        times: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
        megabytes: dict[str, float] = {}
        for _ in range(arguments.rounds):
            for variant in VARIANTS:
                with context.Pool(1) as pool:
                    found, megabytes[variant] = pool.apply(
                        measure, (case, variant, arguments.device, arguments.steps)
                    )
                times[variant] += found
        slowest = statistics.median(times[YARDSTICK])
        for variant in VARIANTS:
            own = times[variant]
            middle = statistics.median(own)
            spread = f"{middle:.3f} ({min(own):.3f} … {max(own):.3f})"
            shares = slowest / middle, megabytes[variant] / megabytes[YARDSTICK]
            print(
                f"  {variant:24} {spread:>28} {shares[0]:9.2f} {megabytes[variant]:7.0f} "
                f"{shares[1]:9.2f}"
            )


if __name__ == "__main__":
    main()
