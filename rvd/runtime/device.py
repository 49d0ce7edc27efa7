"""The device that computes: its choice, threads, number formats, memory layout, compilation."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import AbstractContextManager
from importlib.util import find_spec

import torch
from torch import nn

from rvd.config.compute import CompileMode, ComputeConfig
from rvd.errors import UserError
from rvd.runtime.launch import launched

# 1,000,000 steps of 44.9 s, measured over a few steps on two cores (docs/performance.md).
CPU_HOURS = 12_500


# The workspace of cuBLAS with which its products are deterministic.
CUBLAS_WORKSPACE = ":4096:8"

# False where :func:`apply` keeps the process to the CPU.
_uses_gpu = True


def best_device() -> torch.device:
    """Return the GPU of this process, or the CPU if there is none or :func:`apply` excludes it."""
    return torch.device("cuda" if _uses_gpu and torch.cuda.is_available() else "cpu")


def device_for(compute: ComputeConfig) -> torch.device:
    """Return the CPU with ``compute.gpus: 0``, else the GPU of this process if there is one."""
    on_gpu = compute.gpus and torch.cuda.is_available()
    return torch.device("cuda" if on_gpu else "cpu")


def require_gpu(compute: ComputeConfig, doing: str) -> None:
    """Refuse to forecast or to score on the CPU where the config asks for GPUs.

    Args:
        compute: The config's section.
        doing: Work that uses one GPU, such as ``forecast``.

    Raises:
        UserError: ``compute.gpus`` is not 0, and PyTorch sees no GPU.
    """
    if compute.gpus and not torch.cuda.is_available():
        raise UserError(
            f"compute.gpus: {compute.gpus}, but PyTorch sees no GPU here; set compute.gpus: 0 to "
            f"{doing} on the CPU"
        )


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
    """Set threads, number formats and the use of a GPU in the whole process.

    Args:
        compute: The config's section.
        threads: CPU threads; None leaves torch's default.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = compute.tf32
    torch.backends.cudnn.allow_tf32 = compute.tf32
    if compute.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", CUBLAS_WORKSPACE)
    # Only where it changes, because torch imports its compiler for it, which takes seconds.
    if compute.deterministic != torch.are_deterministic_algorithms_enabled():
        # A warning, because some operations have no deterministic algorithm on a GPU.
        torch.use_deterministic_algorithms(compute.deterministic, warn_only=True)
    global _uses_gpu
    _uses_gpu = compute.gpus > 0


def prepare(module: nn.Module, compute: ComputeConfig) -> None:
    """Set the memory layout of the weights of ``module`` in place; values stay the same."""
    if compute.channels_last:
        for parameter in module.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def compile_mode(compute: ComputeConfig, model: str = "") -> CompileMode:
    """Return the mode of ``torch.compile`` for a model, with ``auto`` resolved for this machine.

    Args:
        compute: The config's section.
        model: Name of the model in the config.
    """
    mode = compute.compile_of(model)
    if mode != "auto":
        return mode
    on_gpu = device_for(compute).type == "cuda"
    return "default" if on_gpu and find_spec("triton") and shutil.which("cc") else "none"


def compiled(module: nn.Module, compute: ComputeConfig, model: str = "") -> None:
    """Compile the calls of ``module`` in place, unless the mode is ``none``.

    Args:
        module: A model, or a part of it.
        compute: The config's section.
        model: Name of the model in the config.
    """
    mode = compile_mode(compute, model)
    if mode != "none":
        # The whole step's graph is recorded by the trainer.
        module.compile(mode="default" if mode == "cuda-graph" else mode)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """Return a context in which convolutions and products have a precision.

    Args:
        device: Device that computes.
        precision: ``float32`` or ``bfloat16``.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def warn_of_slow_precision(precision: str, device: torch.device | None = None) -> None:
    """Warn on standard error when bfloat16 is computed by software, which is slow.

    Args:
        precision: ``float32`` or ``bfloat16``.
        device: Device that computes; None for :func:`best_device`.
    """
    if precision == "bfloat16" and not bfloat16_in_hardware(device):
        print(
            "precision: bfloat16 is computed by software on this device, several times slower "
            "than float32",
            file=sys.stderr,
        )


def bfloat16_in_hardware(device: torch.device | None = None) -> bool:
    """Return whether a device has instructions for products of bfloat16 numbers.

    GPUs have them since compute capability 8.0 (A100); of CPUs, x86 with AVX-512 BF16 or AMX, and
    ARM with BF16.

    Args:
        device: Device that computes; None for :func:`best_device`.
    """
    if (device or best_device()).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # oneDNN also accepts bfloat16 on processors with plain AVX-512, where it emulates it.
    has = torch.cpu.get_capabilities()
    instructions = any(has.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return instructions and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
