"""How a training uses the machine."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeInt, PositiveInt

from rvd.config.section import Section


class ComputeConfig(Section):
    """What a training takes of the machine, and how it computes there.

    ``gpus`` (0 trains on the CPU) and CPU ``threads``; ``tf32`` lets a GPU round the inputs of
    float32 products to 10 bits of mantissa; ``channels_last`` lays images out with channels
    together; ``compile`` names a mode of torch.compile, of which ``reduce-overhead`` and
    ``max-autotune`` use CUDA graphs.
    """

    gpus: NonNegativeInt
    threads: PositiveInt
    tf32: bool = True
    channels_last: bool = False
    compile: Literal["none", "default", "reduce-overhead", "max-autotune"] = "none"
