"""Random numbers: in training the same whatever the processes, in a forecast a clip's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# Standard normal noise shaped as its argument, on its device and of its type.
Draw = Callable[[Tensor], Tensor]


def seeded(seeds: Sequence[int], device: torch.device | str = "cpu") -> Draw:
    """The noise of forecasts: that of clip i follows from ``seeds[i]``.

    So a forecast depends on its clip and seed alone, not on the clips that are forecast with it.

    Args:
        seeds: one a clip.
        device: where the noise is drawn.

    Returns:
        draw: takes tensors (clip · member, …), the members of a clip one after the other.
    """
    generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def draw(like: Tensor) -> Tensor:
        members, rest = divmod(len(like), len(generators))
        if rest:
            raise ValueError(f"{len(like)} rows are not members of {len(generators)} clips")
        shape = (members, *like.shape[1:])
        return torch.cat(
            [
                torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)
                for generator in generators
            ]
        )

    return draw


def drawn(draw: Callable[[int], Tensor], rows: int) -> Tensor:
    """What this process draws for its ``rows`` clips of a training batch.

    Every process draws for the whole batch (with one seed, as the trainer sees to) and takes its
    part, so that several processes train as one with the same batch would.

    Args:
        draw: number of rows → a tensor of so many rows.
        rows: of this process.
    """
    if not torch.distributed.is_initialized():
        return draw(rows)
    rank = torch.distributed.get_rank()
    everything = draw(rows * torch.distributed.get_world_size())
    return everything[rank * rows : (rank + 1) * rows]


def training_draw(like: Tensor) -> Tensor:
    """Standard normal noise of a training step, shaped as ``like`` (clip, …): see :func:`drawn`."""
    return drawn(
        lambda rows: torch.randn(rows, *like.shape[1:], device=like.device, dtype=like.dtype),
        len(like),
    )
