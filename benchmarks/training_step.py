"""Time and memory of RVD's training step, compared with the reference implementation.

Variants are interleaved in new processes, so that drifts of the machine affect all alike and each
has its own peak memory. Ratios are of medians; each time is printed with its least and greatest
value. Memory is the increase by forward and backward in a process that holds model and data.
bfloat16 is skipped on processors that emulate it.
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
# Name → (config files, frame size, channels, clips per step).
CASES = {
    "demo, 32 px, batch 4": ([CONFIG / "config.yaml", CONFIG / "demo.yaml"], 32, 1, 4),
    "paper, 64 px, batch 8": ([CONFIG / "config.yaml"], 64, 3, 8),
    "paper, 128 px, batch 4": ([CONFIG / "config.yaml"], 128, 3, 4),
}
REFERENCE = "frame by frame, float32"
VARIANTS = {
    REFERENCE: {},
    "float32": {},
    "float32, channels last": {"channels_last": True},
    "bfloat16": {},
    "bfloat16, channels last": {"channels_last": True},
    "bfloat16, checkpointing": {},
}
# Untimed steps, in which a GPU compiles, chooses algorithms and records graphs.
WARM_UP = {"cpu": 1, "cuda": 3}
# Compilation takes minutes on a CPU and gains little there.
ON_GPU = {
    "bfloat16, compiled": {"channels_last": True, "compile": "default"},
    "bfloat16, CUDA graphs": {"channels_last": True, "compile": "reduce-overhead"},
}


def measure(case: str, variant: str, where: str, steps: int) -> tuple[list[float], float]:
    """Return the seconds of each step after warm-up, and the memory of a step in MB."""
    paths, size, channels, batch = CASES[case]
    config = load_experiment(paths).models["rvd"]
    assert isinstance(config, RvdConfig)
    # Noise prediction in all variants, as in the reference implementation.
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
    reference = FrameByFrame(model) if variant == REFERENCE else None

    def compute() -> Tensor:
        if reference is not None:
            return reference(video, step, noise)
        return model(video, diffusion_step=step, noise=noise)["loss"]

    parameters = list(model.parameters())
    before, seconds = memory(where), []
    for _ in range(steps + WARM_UP[where]):
        start = now(where)
        for parameter in parameters:
            parameter.grad = None
        with torch.autocast(where, torch.bfloat16, enabled="bfloat16" in variant):
            loss = compute()
        loss.backward()
        seconds.append(now(where) - start)
    return seconds[WARM_UP[where] :], peak_memory(where) - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1, help="steps per round")
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
    print(f"{'':26} {'s per step (least … most)':>28} {'× faster':>9} {'MB':>7} {'× memory':>9}")
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
        slowest = statistics.median(times[REFERENCE])
        for variant in variants:
            own = times[variant]
            middle = statistics.median(own)
            spread = f"{middle:.3f} ({min(own):.3f} … {max(own):.3f})"
            shares = slowest / middle, megabytes[variant] / megabytes[REFERENCE]
            print(
                f"  {variant:24} {spread:>28} {shares[0]:9.2f} {megabytes[variant]:7.0f} "
                f"{shares[1]:9.2f}"
            )


if __name__ == "__main__":
    main()
