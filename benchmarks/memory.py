"""Memory of a training step, estimated without a device on tensors without content.

The step is the trainer's: for each player, forward and backward passes over micro-batches, with
gradients kept. Live tensors are counted at each operation, so the peak includes temporary ones and
those of recomputed blocks, but not the workspace of convolutions nor the waste of an allocator.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rvd.config.trained import TrainedModelConfig
from rvd.models.noise import micro_batches
from rvd.models.registry import build

GIB = 2**30
ADAM = 2  # tensors of a parameter's size: first and second moments
SHARE = 0.75  # largest share of a device's memory, because estimates are too low


@dataclass(frozen=True)
class Estimate:
    """Bytes of a training step.

    Attributes:
        state: Bytes of weights, gradients, Adam and average.
        peak: Bytes at the peak, with the state.
    """

    state: int
    peak: int


class LiveTensors(TorchDispatchMode):
    """A context manager that counts the bytes of its live tensors: ``now`` and ``peak``."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._counted: dict[int, Any] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, Tensor):
                self.count(value)
        return result

    def count(self, tensor: Tensor) -> None:
        """Count the memory of ``tensor`` until it is released."""
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._counted:
            return
        self._counted[key] = weakref.finalize(storage, self._freed, key, size)
        self._counted[key].atexit = False
        self.now += size
        self.peak = max(self.peak, self.now)

    def _freed(self, key: int, size: int) -> None:
        del self._counted[key]
        self.now -= size


def estimate(section: TrainedModelConfig, size: int, channels: int) -> Estimate:
    """Estimate the memory of a training step.

    Args:
        section: The model's section of the config, with its batch and micro-batch.
        size: Height and width of a frame, in pixels.
        channels: Number of channels of a frame.

    Returns:
        Bytes in float32 at the last step, where the model is fully grown.
    """
    training = section.training
    batch = training.batch[size]
    rows = training.micro_batch.get(size, batch)
    # Two micro-batches suffice, because gradients exist from the second on.
    clips = min(batch, 2 * rows)
    with FakeTensorMode(allow_non_fake_inputs=True), LiveTensors() as live:
        model = build(section, size, channels)
        state = sum(value.nbytes for value in model.state_dict().values())
        trained = sum(value.nbytes for value in model.parameters())
        video = torch.empty(clips, training.clip_length, channels, size, size)
        for player, module in model.players.items():
            for other in model.players.values():
                other.requires_grad_(other is module)
            module.zero_grad(set_to_none=True)
            for part in micro_batches(video, rows):
                losses = model(part, player)
                losses["loss"].backward()
                del losses
        # The whole batch is on the device.
        rest = (batch - clips) * video[0].nbytes
    average = state if training.average is not None else 0
    adam = ADAM * trained
    return Estimate(state + trained + adam + average, live.peak + rest + adam + average)


def changed(section: TrainedModelConfig, **training: object) -> TrainedModelConfig:
    """Return ``section`` with other settings in its ``training``."""
    update = {"training": section.training.model_copy(update=training)}
    return section.model_copy(update=update)


def table(
    models: Mapping[str, TrainedModelConfig], sizes: Sequence[int], channels: int
) -> Iterator[str]:
    """Yield the lines of a Markdown table: GiB of a training step by model and size."""
    yield (
        "| | px | batch | micro-batch | state | batch at once | with checkpointing | micro-batches "
        "| with checkpointing | config |"
    )
    yield "|" + "---|" * 10
    for name, section in models.items():
        for size in sizes:
            training = section.training
            batch = training.batch[size]
            rows = training.micro_batch.get(size, batch)
            cells: list[str] = []
            state = configured = 0
            for split in (False, True):
                micro_batch = training.micro_batch if split else {}
                for checkpointing in (False, True):
                    same = split and rows == batch
                    if same or (checkpointing and not section.checkpointed):
                        cells.append("–")
                        continue
                    settings = {"micro_batch": micro_batch, "gradient_checkpointing": checkpointing}
                    found = estimate(changed(section, **settings), size, channels)
                    state = found.state
                    cells.append(f"{found.peak / GIB:.1f}")
                    if checkpointing == training.gradient_checkpointing:
                        configured = found.peak  # the last one, with micro-batches if there are any
            yield (
                f"| `{name}` | {size} | {batch} | {rows} | {state / GIB:.1f} | {' | '.join(cells)} "
                f"| {configured / GIB:.1f} |"
            )
