"""Memory that is not enough, in one line that says what to change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from rvd.errors import UserError

# How torch's allocator for the CPU begins its RuntimeError; for GPUs there is a class of its own.
_ON_CPU = ("DefaultCPUAllocator", "not enough memory", "can't allocate memory")


@contextmanager
def enough_memory(doing: str, remedy: str) -> Iterator[None]:
    """Within the block, running out of memory (a GPU's or the machine's) becomes one line.

    Args:
        doing: what it was, as ``a training step``.
        remedy: what to change in the config.

    Raises:
        UserError: memory ran out.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        fatal = isinstance(error, torch.OutOfMemoryError | MemoryError)
        if not fatal and not any(words in str(error) for words in _ON_CPU):
            raise
        where = "the GPU" if isinstance(error, torch.OutOfMemoryError) else "this machine"
        raise UserError(f"{doing} needs more memory than {where} has: {remedy}") from None
