"""Random numbers of the CPU on any device, so that two devices compute the same losses."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

# Operators that read a generator.
RANDOM = (
    "rand",
    "normal",
    "uniform_",
    "bernoulli",
    "exponential_",
    "multinomial",
    "native_dropout",
)


class HostNoise(TorchDispatchMode):
    """A context manager in which random operations run on the CPU and their results are copied."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.removeprefix("aten::")
        if not name.startswith(RANDOM):
            return func(*args, **kwargs)
        where = _device(args, kwargs)
        here = dict(kwargs)
        if here.get("device") is not None:
            here["device"] = torch.device("cpu")
        found = func(*tree_map(_on_cpu, args), **tree_map(_on_cpu, here))
        if name.endswith("_") and isinstance(found, Tensor):
            return args[0].copy_(found)
        return tree_map(
            lambda value: value.to(where) if isinstance(value, Tensor) else value, found
        )


def _device(args: Any, kwargs: Any) -> torch.device:
    tensors = [value for value in args if isinstance(value, Tensor)]
    return torch.device(kwargs.get("device") or (tensors[0].device if tensors else "cpu"))


def _on_cpu(value: Any) -> Any:
    return value.cpu() if isinstance(value, Tensor) else value
