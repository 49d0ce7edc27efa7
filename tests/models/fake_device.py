"""Models on a device that this machine does not have, by torch's fake tensors.

Fake tensors have shapes, types and a device, but no content: operations on tensors of different
devices raise, and so does reading a value. A ``cuda`` device serves forward passes and forecasts.
The backward pass asks the driver of a CUDA device, so that ``meta`` stands in for it there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# Operations that make the host wait until the device has computed a value, or a number of values.
SYNCHRONISING = ("_local_scalar_dense", "nonzero", "equal", "masked_select", "unique", "is_nonzero")


class DeviceWatch(TorchDispatchMode):
    """A context manager that lists the operations for which a host waits for its device.

    They are copies between the two, and operations whose result the host needs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        before = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if name in SYNCHRONISING and any(leaf.device.type != "cpu" for leaf in before):
            self.waits.append(name)
        result = func(*args, **(kwargs or {}))
        after = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        devices = {leaf.device.type for leaf in [*before, *after]}
        # A number as a tensor of the CPU is an argument of a kernel, unless it is copied.
        from_cpu = any(leaf.dim() and leaf.device.type == "cpu" for leaf in before)
        if len(devices) > 1 and (from_cpu or "copy" in name):
            self.waits.append(f"{name} between {' and '.join(sorted(devices))}")
        return result


@contextmanager
def fake_device() -> Iterator[FakeTensorMode]:
    """Make tensors of the block fake, and let ``cuda`` autocast to bfloat16."""
    with (
        patch.object(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False),
        patch.object(torch.cuda, "is_bf16_supported", lambda *_: True),
        FakeTensorMode() as mode,
    ):
        yield mode


def move(model: nn.Module, device: str, mode: FakeTensorMode) -> None:
    """Move weights and buffers of ``model`` to a fake ``device``; its other tensors stay."""
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                fake = mode.from_tensor(parameter).detach().to(device)
                module._parameters[name] = nn.Parameter(fake)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = mode.from_tensor(buffer).to(device)
