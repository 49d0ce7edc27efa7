"""The device that computes: its choice, threads, number formats, memory layout, compilation."""

from __future__ import annotations

import os
import sys

import torch
from torch import nn

from rvd.config.compute import ComputeConfig
from rvd.errors import UserError
from rvd.runtime.launch import launched

# 1,000,000 steps of 44.9 s, measured over a few steps on two cores (docs/performance.md).
CPU_HOURS = 12_500


def best_device() -> torch.device:
    """Return the GPU of this process if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_for(compute: ComputeConfig) -> torch.device:
    """Return the CPU with ``compute.gpus: 0``, else :func:`best_device`."""
    return best_device() if compute.gpus else torch.device("cpu")


def require_gpus(compute: ComputeConfig) -> None:
    """Refuse to train on the CPU where the config asks for GPUs.

    Under torchrun, each node needs one GPU for each of its own processes.

    Raises:
        UserError: PyTorch sees fewer GPUs than ``compute.gpus``.
    """
    if not compute.gpus:
        return
    needed = int(os.environ["LOCAL_WORLD_SIZE"]) if launched() else compute.gpus
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if found < needed:
        seen = f"only {found}" if found else "no GPU"
        seen += f" for {needed} processes" if launched() else ""
        raise UserError(
            f"compute.gpus: {compute.gpus}, but PyTorch sees {seen} here; set compute.gpus: 0 to "
            f"train on the CPU, where the paper's RVD takes about {CPU_HOURS:,} hours at 128 "
            f"pixels (estimated for two cores: docs/performance.md)"
        )


def apply(compute: ComputeConfig, threads: int | None = None) -> None:
    """Set threads and number formats of the whole process.

    Args:
        compute: The config's section.
        threads: CPU threads; None leaves torch's default.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = compute.tf32
    torch.backends.cudnn.allow_tf32 = compute.tf32


def prepare(module: nn.Module, compute: ComputeConfig) -> None:
    """Set the memory layout of the weights of ``module`` in place; values stay the same."""
    if compute.channels_last:
        for parameter in module.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def compiled(module: nn.Module, compute: ComputeConfig) -> None:
    """Compile the calls of ``module`` in place, unless ``compute.compile`` is ``none``."""
    if compute.compile != "none":
        module.compile(mode=compute.compile)


def warn_of_slow_precision(precision: str) -> None:
    """Warn on standard error when bfloat16 is computed by software, which is slow."""
    if precision == "bfloat16" and not bfloat16_in_hardware():
        print(
            "precision: bfloat16 is computed by software on this processor, several times slower "
            "than float32",
            file=sys.stderr,
        )


def bfloat16_in_hardware() -> bool:
    """Return whether the device computes bfloat16; any GPU in use does, many CPUs do not."""
    return torch.cuda.is_available() or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
