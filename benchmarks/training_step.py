"""Time and memory of RVD's training step, beside the frame-by-frame yardstick.

Variants are interleaved in fresh processes, so that drifts of the machine hit them alike and
peak memory is each one's own. Ratios are of medians; each time stands with its least and greatest
value. Memory is what forward and backward add to a process that holds model and data. bfloat16 is
left out on a processor that computes it by software.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.frame_by_frame import FrameByFrame
from benchmarks.machine import described, memory, now, peak_memory
from rvd.config.compute import ComputeConfig
from rvd.experiment.loading import load_experiment
from rvd.models.registry import build
from rvd.models.rvd.config import RvdConfig
from rvd.runtime import device

CONFIG = Path(__file__).parents[1] / "config"
# Name → (config files, frame size, channels, clips a step).
CASES = {
    "demo, 32 px, batch 4": ([CONFIG / "config.yaml", CONFIG / "demo.yaml"], 32, 1, 4),
    "paper, 64 px, batch 8": ([CONFIG / "config.yaml"], 64, 3, 8),
    "paper, 128 px, batch 4": ([CONFIG / "config.yaml"], 128, 3, 4),
}
YARDSTICK = "frame by frame, float32"
VARIANTS = {
    YARDSTICK: {},
    "float32": {},
    "float32, channels last": {"channels_last": True},
    "bfloat16": {},
    "bfloat16, channels last": {"channels_last": True},
    "bfloat16, checkpointing": {},
}
# Steps that are not timed: a GPU compiles, chooses algorithms and records graphs in them.
WARM_UP = {"cpu": 1, "cuda": 3}
# Compilation takes minutes on a CPU and gains little there.
ON_GPU = {
    "bfloat16, compiled": {"channels_last": True, "compile": "default"},
    "bfloat16, CUDA graphs": {"channels_last": True, "compile": "reduce-overhead"},
}


def measure(case: str, variant: str, where: str, steps: int) -> tuple[list[float], float]:
    """Seconds of each step after the first ones, and the memory of a step in MB."""
    paths, size, channels, batch = CASES[case]
    config = load_experiment(paths).models["rvd"]
    assert isinstance(config, RvdConfig)
    # Noise prediction everywhere: it is what the yardstick computes.
    changes = {
        "objective": config.objective.model_copy(update={"target": "noise", "mean_loss": 0.0}),
        "training": config.training.model_copy(
            update={"gradient_checkpointing": "checkpointing" in variant}
        ),
    }
    torch.manual_seed(0)
    model = build(config.model_copy(update=changes), size, channels).to(where)
    compute_as = ComputeConfig(gpus=0, threads=1, **(VARIANTS | ON_GPU)[variant])
    device.prepare(model, compute_as)
    device.compiled(model, compute_as)
    video = torch.rand(batch, config.training.clip_length, channels, size, size, device=where)
    step = torch.randint(config.diffusion_steps, (batch,), device=where)
    noise = torch.randn_like(video[:, config.training.context :])
    yardstick = FrameByFrame(model) if variant == YARDSTICK else None

    def compute() -> Tensor:
        if yardstick is not None:
            return yardstick(video, step, noise)
        return model(video, diffusion_step=step, noise=noise)["loss"]

    parameters = list(model.parameters())
    before, seconds = memory(where), []
    for _ in range(steps + WARM_UP[where]):
        began = now(where)
        for parameter in parameters:
            parameter.grad = None
        with torch.autocast(where, torch.bfloat16, enabled="bfloat16" in variant):
            loss = compute()
        loss.backward()
        seconds.append(now(where) - began)
    return seconds[WARM_UP[where] :], peak_memory(where) - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1, help="steps of each round")
    parser.add_argument("--rounds", type=int, default=2, help="rounds over all variants")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    arguments = parser.parse_args()
    gpu = arguments.device == "cuda"
    variants = [
        name
        for name in (VARIANTS | ON_GPU if gpu else VARIANTS)
        if gpu or device.bfloat16_in_hardware() or "bfloat16" not in name
    ]
    context = multiprocessing.get_context("spawn")
    print(described(arguments.device))
    print(f"{'':26} {'s a step (least … most)':>28} {'× faster':>9} {'MB':>7} {'× memory':>9}")
    for case in arguments.cases:
        print(case)
        times: dict[str, list[float]] = {variant: [] for variant in variants}
        megabytes: dict[str, float] = {}
        for _ in range(arguments.rounds):
            for variant in variants:
                with context.Pool(1) as pool:
                    found, megabytes[variant] = pool.apply(
                        measure, (case, variant, arguments.device, arguments.steps)
                    )
                times[variant] += found
        slowest = statistics.median(times[YARDSTICK])
        for variant in variants:
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
