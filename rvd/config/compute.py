"""The use of the machine by trainings and forecasts."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeInt, PositiveInt

from rvd.config.section import Name, Section

CompileMode = Literal["auto", "none", "default", "reduce-overhead", "max-autotune", "cuda-graph"]


class ComputeConfig(Section):
    """The part of the machine that trainings use, and how they compute there.

    Nothing here is from the paper. Only rounding depends on `tf32`, `channels_last`, `compile` and
    `deterministic`.
    """

    gpus: NonNegativeInt
    """GPUs per training, with one process on each (the effective batch is `batch` times as many). A
    machine with fewer is refused. Forecasts and scores use one GPU. 0 keeps to the CPU."""
    threads: PositiveInt
    """CPU threads of a training (of all its processes together) or of sampling."""
    tf32: bool = True
    """Round the inputs of float32 products and convolutions to TF32 (10 bits of mantissa) on a GPU;
    false computes them in full."""
    deterministic: bool = False
    """Choose deterministic algorithms on a GPU, where torch has them (it warns where not). Without
    it, a training that is resumed on a GPU equals an uninterrupted one up to rounding only."""
    channels_last: bool = False
    """Store images with their channels together, which a GPU's convolutions prefer in bfloat16."""
    compile: CompileMode | dict[Name, CompileMode] = "auto"
    """Mode of `torch.compile`, for all models or by the model's name (models that are not named
    have `auto`). `auto` is `default` on a GPU with Triton and a C compiler, else `none`;
    `reduce-overhead` and `max-autotune` use CUDA graphs. `cuda-graph` compiles as `default`, and
    replays whole training steps as one CUDA graph: for kind `rvd` and `svg-lp`, with one GPU per
    training and without `micro_batch`. FutureGAN's critic is never compiled."""

    def compile_of(self, model: str) -> CompileMode:
        """Return the mode of a model, by its name in the config."""
        return self.compile.get(model, "auto") if isinstance(self.compile, dict) else self.compile
