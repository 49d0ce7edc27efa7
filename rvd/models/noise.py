"""Noise sources: independent of the number of processes in training, per clip in forecasts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar

import numpy as np
import torch
from torch import Tensor

from rvd.diffusion.samplers import NoiseSource

# The index of the current micro-batch, and the number of micro-batches.
_micro_batch: ContextVar[tuple[int, int]] = ContextVar("micro_batch", default=(0, 1))


def seeded_noise(seeds: Sequence[int], device: torch.device | str = "cpu") -> NoiseSource:
    """Return the noise source of forecasts, in which clip i depends on ``seeds[i]`` alone.

    A forecast then depends on its clip and seed, not on the clips that are forecast with it.

    Args:
        seeds: Seeds, one per clip.
        device: Device on which the noise is generated.

    Returns:
        A source that takes tensors (clip · member, …), with the members of a clip adjacent, and
        raises ``ValueError`` for other numbers of rows.
    """
    generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def noise(like: Tensor) -> Tensor:
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

    return noise


def persistent(before: Tensor, new: Tensor, persistence: float) -> Tensor:
    """Return standard normal noise that is correlated with that of the frame before.

    It is ρ·z + √(1 − ρ²)·e. Noise that is independent from frame to frame averages out over a
    roll-out, while the network's errors do not (docs/beyond.md).

    Args:
        before: Noise z of the frame before, standard normal.
        new: New noise e, standard normal, with the shape of ``before``.
        persistence: The correlation ρ, from 0 to 1.
    """
    return persistence * before + math.sqrt(1 - persistence**2) * new


def derived_seed(*parts: int) -> int:
    """Return the seed that follows from ``parts``, such as a run's seed and a clip's number.

    Seeds of different parts are statistically independent (:class:`numpy.random.SeedSequence`).

    Args:
        parts: Non-negative numbers.

    Returns:
        A number below 2⁶³, which torch takes as a seed.
    """
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)


def batch_noise(generate: Callable[[int], Tensor], rows: int) -> Tensor:
    """Return this process's share of the noise of a training batch or micro-batch.

    Every process generates the noise of the whole batch (the trainer gives all the same seed) and
    takes its rows, so that several processes train as one with the same batch would. The same holds
    for micro-batches (:func:`micro_batches`).

    Args:
        generate: Function from a number of rows to a tensor of so many rows.
        rows: Number of clips of this process and micro-batch.
    """
    index, count = _micro_batch.get()
    rank, processes = 0, 1
    if torch.distributed.is_initialized():
        rank, processes = torch.distributed.get_rank(), torch.distributed.get_world_size()
    if processes * count == 1:
        return generate(rows)
    first = (rank * count + index) * rows
    # A copy, since a view would keep the rows of all others until the backward pass.
    return generate(rows * count * processes)[first : first + rows].clone()


def micro_batches(video: Tensor, rows: int) -> Iterator[Tensor]:
    """Yield ``video`` (clip, …) in micro-batches that share the noise of the whole batch.

    While a micro-batch is used, :func:`batch_noise` returns its rows of the noise of the whole
    batch: each one starts from the same state of torch's generators, which end as after one pass
    over the whole.

    Args:
        video: Clips of this process; a multiple of ``rows``.
        rows: Number of clips per micro-batch.
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
    """Return :func:`batch_noise` that is standard normal, shaped as ``like`` (clip, …)."""
    return batch_noise(
        lambda rows: torch.randn(rows, *like.shape[1:], device=like.device, dtype=like.dtype),
        len(like),
    )
