"""Monitoring of the losses of a training."""

from __future__ import annotations

import math
import time
from typing import Any

from torch import Tensor

from rvd.errors import UserError
from rvd.training.journal import Journal

REMEDIES = "A smaller learning_rate, a gradient_clip or float32 may help"


class LossMonitor:
    """Reads the losses at intervals, because reading each would make the device wait.

    Args:
        bar: Progress bar of the training.
        journal: Journal to write to; None in all but one of several processes.
        every: Number of steps between two readings.
        entry_every: Number of steps between two entries of the journal, a multiple of ``every``.
    """

    def __init__(self, bar: Any, journal: Journal | None, every: int, entry_every: int) -> None:
        self.bar, self.journal, self.every, self.entry_every = bar, journal, every, entry_every
        self.last: dict[str, Tensor] = {}
        self.step = 0
        self._start, self._steps = time.monotonic(), 0

    def record(self, step: int, losses: dict[str, Tensor]) -> None:
        """Take the losses of a step; read, check and write them where that is due.

        Args:
            step: Number of the step, from 1.
            losses: Scalars by name.

        Raises:
            UserError: A loss is not finite.
        """
        self.step, self.last = step, self.last | losses
        self._steps += 1
        self.bar.update()
        if step % self.every == 0:
            self.check()
            values = {name: float(value) for name, value in self.last.items()}
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
        for name, value in self.last.items():
            if not math.isfinite(float(value)):
                raise UserError(
                    f"training stopped at step {self.step}: {name} is {float(value)}; the last "
                    f"checkpoint is kept. {REMEDIES}"
                )


def _is_loss(name: str) -> bool:
    return name.endswith("loss")
