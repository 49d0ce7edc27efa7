"""FLOPs and memory traffic of torch code, counted without running it.

The code runs inside :class:`Counter` on tensors of the device ``meta``, which have shapes and no
values: a training step that needs a large GPU is counted on a laptop in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

aten = torch.ops.aten
# Operations that reserve memory without reading or writing it.
RESERVING = {aten.empty, aten.empty_like, aten.new_empty, aten.empty_strided}
# Views that torch does not mark as views.
VIEWS = {aten._unsafe_view, aten.lift_fresh, aten.detach}


@dataclass(frozen=True)
class Machine:
    """Assumed rates of an accelerator.

    The times are those of eager PyTorch on one H100.

    Attributes:
        tflops: Rate of products and convolutions, in 10¹² FLOP/s.
        bandwidth: Memory bandwidth, in TB/s.
        kernel: Shortest time of an operation on the device, in µs.
        forward: Launch time of an operation in a forward pass on the host, in µs.
        backward: Launch time of an operation in a backward pass on the host, in µs.
    """

    tflops: float = 200.0
    bandwidth: float = 3.0
    kernel: float = 2.5
    forward: float = 8.0
    backward: float = 5.0


@dataclass(frozen=True)
class Cost:
    """FLOPs, bytes and time of some work.

    Costs can be added, and multiplied by a number of repetitions.

    Attributes:
        flops: Number of FLOPs.
        traffic: Bytes read and written.
        roofline: Seconds, as the sum over operations of the longer of computing and moving.
        forward: Number of operations in forward passes.
        backward: Number of operations in backward passes.
    """

    flops: float = 0.0
    traffic: float = 0.0
    roofline: float = 0.0
    forward: float = 0.0
    backward: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(a + b for a, b in zip(self._values(), other._values(), strict=True)))

    def __sub__(self, other: Cost) -> Cost:
        return self + -1 * other

    def __rmul__(self, times: float) -> Cost:
        return Cost(*(times * value for value in self._values()))

    def _values(self) -> Iterator[float]:
        yield from (self.flops, self.traffic, self.roofline, self.forward, self.backward)

    def bound(self, machine: Machine) -> float:
        """Return the seconds if computing overlapped with moving and launching took no time."""
        return max(self.flops / machine.tflops, self.traffic / machine.bandwidth) / 1e12

    def seconds(self, machine: Machine) -> float:
        """Return the seconds of the device with a launch per operation, or of a slower host.

        Each operation takes the longer of computing and moving, since they seldom overlap.
        """
        device = self.roofline + 1e-6 * machine.kernel * (self.forward + self.backward)
        host = 1e-6 * (machine.forward * self.forward + machine.backward * self.backward)
        return max(device, host)


class Counter(TorchDispatchMode):
    """A context manager that adds up the cost of the operations inside it.

    FLOPs are those of products and convolutions, by torch's own formulas
    (``torch.utils.flop_counter``). Traffic is the size of all inputs and outputs of each operation
    that is not a view: nothing is fused, and nothing stays in a cache.

    Args:
        machine: Rates of the accelerator, for the roofline.
    """

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine = machine
        self.cost = Cost()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and count it."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        packet = func._overloadpacket
        if func.is_view or packet in VIEWS or packet in RESERVING:
            return out
        formula = flop_registry.get(packet)
        flops = float(formula(*args, **kwargs, out_val=out)) if formula else 0.0
        tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, Tensor)]
        traffic = float(sum(map(_size, tensors)))
        # Scalars, such as those of a schedule, are the host's work and have no size.
        if not traffic:
            return out
        longer = max(flops / self.machine.tflops, traffic / self.machine.bandwidth) / 1e12
        # Autograd's engine runs in backward passes only.
        backward = torch._C._current_graph_task_id() != -1
        self.cost += Cost(flops, traffic, longer, not backward, backward)
        return out


def _size(tensor: Tensor) -> int:
    """Return the bytes in memory, fewer than the shape implies for an expanded tensor."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())
