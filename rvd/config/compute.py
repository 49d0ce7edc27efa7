"""The use of the machine by trainings."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeInt, PositiveInt

from rvd.config.section import Section


class ComputeConfig(Section):
    """The part of the machine that trainings use, and how they compute there.

    Nothing here is from the paper. Only rounding depends on `tf32`, `channels_last` and `compile`.
    """

    gpus: NonNegativeInt
    """GPUs per training, with one process on each (the effective batch is `batch` times as many). A
    machine with fewer is refused. Forecasting uses one GPU if there is one. 0 keeps to the CPU."""
    threads: PositiveInt
    """CPU threads of a training (of all its processes together) or of sampling."""
    tf32: bool = True
    """Round the inputs of float32 products and convolutions to TF32 (10 bits of mantissa) on a GPU;
    false computes them in full."""
    channels_last: bool = False
    """Store images with their channels together, which a GPU's convolutions prefer in bfloat16."""
    compile: Literal["none", "default", "reduce-overhead", "max-autotune"] = "none"
    """Mode of `torch.compile`; `reduce-overhead` and `max-autotune` use CUDA graphs."""
