"""FLOPs and memory traffic of torch code, counted without computing it.

Run the code on tensors of the device ``meta``, which have shapes and no values, inside
:class:`Counter`: a step of a model that needs a large GPU is counted on a laptop in seconds.
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
# They reserve memory, and neither read nor write it.
RESERVING = {aten.empty, aten.empty_like, aten.new_empty, aten.empty_strided}
# Views that do not call themselves so.
VIEWS = {aten._unsafe_view, aten.lift_fresh, aten.detach}


@dataclass(frozen=True)
class Machine:
    """An accelerator, by the rates that are assumed of it.

    ``tflops`` (10¹² FLOP/s) of products and convolutions, memory ``bandwidth`` (TB/s), and what an
    operation takes at least: ``kernel`` (µs) on the device, ``forward`` and ``backward`` (µs) on
    the host that launches it. The times are those of eager PyTorch on one H100.
    """

    tflops: float = 200.0
    bandwidth: float = 3.0
    kernel: float = 2.5
    forward: float = 8.0
    backward: float = 5.0


@dataclass(frozen=True)
class Cost:
    """FLOPs, bytes and time of some work.

    ``flops``, ``traffic`` (bytes read and written), ``roofline`` (seconds: for each operation the
    longer of computing and moving), and the numbers of operations of forward and backward passes.
    Costs add up, and a cost times a number is that of repeating the work.
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
        """Seconds if all computing overlapped with all moving, and launching took no time."""
        return max(self.flops / machine.tflops, self.traffic / machine.bandwidth) / 1e12

    def seconds(self, machine: Machine) -> float:
        """Seconds of the device with a launch for each operation, or of the host if it is slower.

        Each operation takes the longer of computing and moving, since they seldom overlap.
        """
        device = self.roofline + 1e-6 * machine.kernel * (self.forward + self.backward)
        host = 1e-6 * (machine.forward * self.forward + machine.backward * self.backward)
        return max(device, host)


class Counter(TorchDispatchMode):
    """Adds up the cost of the operations inside it.

    FLOPs are those of products and convolutions, by torch's own formulas
    (``torch.utils.flop_counter``). Traffic is the size of all inputs and outputs of each operation
    that is not a view: nothing is fused, and nothing stays in a cache.

    Args:
        machine: the rates that tell, for each operation, which of the two takes longer.
    """

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine = machine
        self.cost = Cost()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, and count it."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        packet = func._overloadpacket
        if func.is_view or packet in VIEWS or packet in RESERVING:
            return out
        formula = flop_registry.get(packet)
        flops = float(formula(*args, **kwargs, out_val=out)) if formula else 0.0
        tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, Tensor)]
        traffic = float(sum(map(_size, tensors)))
        # A number for each of a schedule's formulas is the host's work, and of no size.
        if not traffic:
            return out
        longer = max(flops / self.machine.tflops, traffic / self.machine.bandwidth) / 1e12
        # Autograd's engine is at work in a backward pass alone.
        backward = torch._C._current_graph_task_id() != -1
        self.cost += Cost(flops, traffic, longer, not backward, backward)
        return out


def _size(tensor: Tensor) -> int:
    """Bytes of it in memory: a tensor that is expanded has fewer than its shape says."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())
