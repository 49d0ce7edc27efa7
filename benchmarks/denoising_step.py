"""Time of one denoising step of a forecast, compared with the reference implementation.

The reference implementation embeds the step and convolves the concatenated context at every step,
as the published code does; the model computes the context's half and the embeddings once per frame.
All variants share weights and are interleaved step by step. Ratios are of medians; the least and
the greatest time are printed as well. bfloat16 is skipped on processors that emulate it.
"""

from __future__ import annotations

import argparse
import copy
import statistics
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor

from benchmarks.frame_by_frame import denoise
from benchmarks.machine import described, now
from benchmarks.training_step import CASES
from rvd.config.compute import ComputeConfig
from rvd.experiment.loading import load_experiment
from rvd.models.registry import build
from rvd.models.rvd.config import RvdConfig
from rvd.runtime import device

REFERENCE = "frame by frame, float32"


def variants(case: str, rows: int, where: str) -> dict[str, Callable[[], Tensor]]:
    """Return one denoising step of ``rows`` residuals per variant, by name."""
    paths, size, channels, _ = CASES[case]
    config = load_experiment(paths).models["rvd"]
    assert isinstance(config, RvdConfig)
    torch.manual_seed(0)
    model = build(config, size, channels).to(where).eval()
    laid_out = copy.deepcopy(model)
    device.prepare(laid_out, ComputeConfig(gpus=0, threads=1, channels_last=True))
    contexts = model.context_encoder(torch.rand(1, rows, channels, size, size, device=where), None)
    contexts = [level[-1] for level in contexts]
    y = torch.randn(rows, channels, size, size, device=where)
    step = torch.full((rows,), config.diffusion_steps // 2, device=where)

    def ours(net: torch.nn.Module, layout: torch.memory_format) -> Callable[[], Tensor]:
        denoiser, own = net.denoiser, y.contiguous(memory_format=layout)
        own_contexts = [level.contiguous(memory_format=layout) for level in contexts]
        condition, embedding = denoiser.condition(own_contexts), denoiser.embedding(step[:1])
        return lambda: denoiser(own, embedding, condition)

    plain = ours(model, torch.contiguous_format)
    last = ours(laid_out, torch.channels_last)
    found = {
        REFERENCE: lambda: denoise(model.denoiser, y, step, contexts),
        "float32": plain,
        "float32, channels last": last,
    }
    if device.bfloat16_in_hardware():
        found |= {"bfloat16": plain, "bfloat16, channels last": last}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=8, help="timed steps of each variant")
    parser.add_argument("--rows", type=int, default=1, help="members and clips in one batch")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    arguments = parser.parse_args()
    print(f"{described(arguments.device)}, {arguments.rows} rows")
    print(f"{'':26} {'ms per step (least … most)':>28} {'× as fast':>10} {'difference':>11}")
    for case in arguments.cases:
        print(case.split(", batch")[0])
        with torch.no_grad():
            _compare(variants(case, arguments.rows, arguments.device), arguments)


def _compare(steps: dict[str, Callable[[], Tensor]], arguments: argparse.Namespace) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    reference = steps[REFERENCE]()
    differences = {}
    for _ in range(arguments.steps + 1):
        for name, compute in steps.items():
            low = "bfloat16" in name
            with torch.autocast(arguments.device, torch.bfloat16) if low else nullcontext():
                start = now(arguments.device)
                result = compute()
                seconds[name].append(now(arguments.device) - start)
            differences[name] = float((result.float() - reference).abs().max())
    slowest = statistics.median(seconds[REFERENCE][1:])
    for name, all_of in seconds.items():
        own = [1000 * value for value in all_of[1:]]
        middle = statistics.median(own)
        spread = f"{middle:.1f} ({min(own):.1f} … {max(own):.1f})"
        print(f"  {name:24} {spread:>28} {1000 * slowest / middle:10.2f} {differences[name]:11.1e}")


if __name__ == "__main__":
    main()
