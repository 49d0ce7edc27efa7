"""Activation checkpointing: blocks that the backward pass recomputes, to save memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

Result = TypeVar("Result")


class Checkpointing(nn.Module):
    """A network whose blocks can be recomputed in the backward pass, to save memory.

    With ``checkpointed`` their activations are not kept: less memory for about a third more time,
    and the same gradients. Running statistics count each batch once.
    """

    checkpointed = False

    def _run(self, block: Callable[..., Result], *inputs: object) -> Result:
        """Return ``block(*inputs)``, where ``block`` is a part of this network."""
        if not (self.checkpointed and torch.is_grad_enabled()):
            return block(*inputs)

        def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
            return nullcontext(), frozen_statistics(self)

        result: Result = checkpoint(block, *inputs, use_reentrant=False, context_fn=contexts)
        return result

    def _each(self, block: Callable[[Tensor], Tensor], frames: Tensor) -> Tensor:
        """Apply ``block`` to all frames (frame, row, …) in one call."""
        return self._run(block, frames.flatten(0, 1)).unflatten(0, frames.shape[:2])


def checkpoint_blocks(model: nn.Module) -> None:
    """Turn on checkpointing in all networks within ``model`` that support it."""
    for module in model.modules():
        if isinstance(module, Checkpointing):
            module.checkpointed = True


@contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Leave the running statistics of batch normalisations unchanged within the block.

    Layers still normalise by the moments of the batch. This is done by a momentum of zero, because
    turning off the statistics would change the tensors saved for the backward pass, which
    checkpointing checks.
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked = norm.num_batches_tracked.clone()
    try:
        yield
    finally:
        for norm, (momentum, tracked) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, tracked
