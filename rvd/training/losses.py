"""Monitoring of the losses of a training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from rvd.errors import UserError
from rvd.training.journal import Journal

REMEDIES = "A smaller learning_rate, a gradient_clip or float32 may help"


def _of_one_process(values: Tensor) -> Tensor:
    return values


class LossMonitor:
    """Reads the losses at intervals, because reading each would make the host wait for the device.

    Args:
        bar: Progress bar of the training.
        journal: Journal to write to; None in all but one of several processes.
        every: Number of steps between two readings.
        entry_every: Number of steps between two entries of the journal, a multiple of ``every``.
        mean: Function from the values of this process to their means over all processes, which all
            call at the same steps.
    """

    def __init__(
        self,
        bar: Any,
        journal: Journal | None,
        every: int,
        entry_every: int,
        mean: Callable[[Tensor], Tensor] = _of_one_process,
    ) -> None:
        self.bar, self.journal, self.every, self.entry_every = bar, journal, every, entry_every
        self.mean = mean
        self.last: dict[str, Tensor | float] = {}
        self.step = 0
        self._values: dict[str, float] | None = None
        self._start, self._steps = time.monotonic(), 0

    def record(self, step: int, losses: Mapping[str, Tensor | float]) -> None:
        """Take the losses of a step; read, check and write them where that is due.

        Args:
            step: Number of the step, from 1.
            losses: Scalars by name, of this process.

        Raises:
            UserError: A loss is not finite.
        """
        self.step, self.last, self._values = step, {**self.last, **losses}, None
        self._steps += 1
        self.bar.update()
        if step % self.every == 0:
            self.check()
            values = dict(self._read())
            shown = [f"{name} {value:.4g}" for name, value in values.items() if _is_loss(name)]
            self.bar.set_postfix_str(", ".join(shown), refresh=False)
            if step % self.entry_every == 0:
                seconds = max(time.monotonic() - self._start, 1e-9)
                values["steps_per_second"] = self._steps / seconds
                if self.journal is not None:
                    self.journal.write(step, values)
                self._start, self._steps = time.monotonic(), 0

    def check(self) -> None:
        """Check the losses of the last step.

        Raises:
            UserError: A loss is not finite.
        """
        for name, value in self._read().items():
            if not math.isfinite(value):
                raise UserError(
                    f"training stopped at step {self.step}: {name} is {value}; the last "
                    f"checkpoint is kept. {REMEDIES}"
                )

    def _read(self) -> dict[str, float]:
        """Return the last losses, all read at once, as means over the processes."""
        if self._values is None:
            tensors = {name: v for name, v in self.last.items() if isinstance(v, Tensor)}
            read: list[float] = []
            if tensors:
                together = torch.stack([value.detach().double() for value in tensors.values()])
                read = self.mean(together).tolist()
            found = dict(zip(tensors, read, strict=True))
            self._values = {name: float(found.get(name, v)) for name, v in self.last.items()}
        return self._values


def _is_loss(name: str) -> bool:
    return name.endswith("loss")
