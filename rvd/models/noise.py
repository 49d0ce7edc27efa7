"""Random numbers: in training the same whatever the processes, in a forecast a clip's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar

import torch
from torch import Tensor

# The number of the micro-batch that is computed now, and how many there are.
_micro_batch: ContextVar[tuple[int, int]] = ContextVar("micro_batch", default=(0, 1))

# Standard normal noise shaped as its argument, on its device and of its type.
NoiseSource = Callable[[Tensor], Tensor]


def seeded_noise(seeds: Sequence[int], device: torch.device | str = "cpu") -> NoiseSource:
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


def batch_noise(draw: Callable[[int], Tensor], rows: int) -> Tensor:
    """Draw the noise for this process's ``rows`` clips of a training batch or micro-batch.

    Every process draws for the whole batch (with one seed, as the trainer sees to) and takes its
    part, so that several processes train as one with the same batch would. So does every
    micro-batch (:func:`micro_batches`).

    Args:
        draw: number of rows → a tensor of so many rows.
        rows: of this process and micro-batch.
    """
    index, count = _micro_batch.get()
    rank, processes = 0, 1
    if torch.distributed.is_initialized():
        rank, processes = torch.distributed.get_rank(), torch.distributed.get_world_size()
    if processes * count == 1:
        return draw(rows)
    first = (rank * count + index) * rows
    # A copy, since a view would keep the rows of all others until the backward pass.
    return draw(rows * count * processes)[first : first + rows].clone()


def micro_batches(video: Tensor, rows: int) -> Iterator[Tensor]:
    """The clips ``video`` (clip, …) in parts of ``rows``, which share the noise of the whole.

    While a part is used, :func:`drawn` gives its rows of what the whole batch would draw: each part
    starts from the same state of torch's generators, and they end as after one pass over the whole.

    Args:
        video: of this process; its number of clips is a multiple of ``rows``.
        rows: clips of a part.
    """
    parts = video.split(rows)
    on_gpu = video.is_cuda and len(parts) > 1
    state = torch.get_rng_state()
    gpu_state = torch.cuda.get_rng_state(video.device) if on_gpu else None
    try:
        for index, part in enumerate(parts):
            if index:
                torch.set_rng_state(state)
                if gpu_state is not None:
                    torch.cuda.set_rng_state(gpu_state, video.device)
            _micro_batch.set((index, len(parts)))
            yield part
    finally:
        _micro_batch.set((0, 1))


def training_noise(like: Tensor) -> Tensor:
    """Standard normal noise of a training step, shaped as ``like`` (clip, …): see :func:`drawn`."""
    return batch_noise(
        lambda rows: torch.randn(rows, *like.shape[1:], device=like.device, dtype=like.dtype),
        len(like),
    )
