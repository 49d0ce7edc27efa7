"""Errors for insufficient memory, in one line that names the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from rvd.errors import TemporaryError

# Words in the RuntimeError of torch's allocator for the CPU; for GPUs there is a class of its own.
_ON_CPU = ("DefaultCPUAllocator", "not enough memory", "can't allocate memory")


@contextmanager
def enough_memory(doing: str, remedy: str) -> Iterator[None]:
    """Report running out of memory within the block, a GPU's or the machine's, in one line.

    Args:
        doing: Work of the block, such as ``a training step``.
        remedy: Change to the config that needs less memory.

    Raises:
        TemporaryError: The memory is not sufficient. A later attempt may be given more.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        fatal = isinstance(error, torch.OutOfMemoryError | MemoryError)
        if not fatal and not any(words in str(error) for words in _ON_CPU):
            raise
        where = "the GPU" if isinstance(error, torch.OutOfMemoryError) else "this machine"
        raise TemporaryError(f"{doing} needs more memory than {where} has: {remedy}") from None
