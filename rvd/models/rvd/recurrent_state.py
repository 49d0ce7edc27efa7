"""The state that RVD carries from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class RecurrentState:
    """The last frame and the states of the recurrent networks after it.

    Attributes:
        last: Last frame (batch, channel, height, width) in [−1, 1].
        contexts: States of the context encoder, one tensor per level.
        means: States of the next-frame predictor, one tensor per level; None for VD.
    """

    last: Tensor
    contexts: list[Tensor]
    means: list[Tensor] | None

    def repeated(self, times: int) -> RecurrentState:
        """Return the state with each clip repeated ``times`` times, adjacent."""

        def each(levels: list[Tensor]) -> list[Tensor]:
            return [level.repeat_interleave(times, 0) for level in levels]

        means = None if self.means is None else each(self.means)
        return RecurrentState(self.last.repeat_interleave(times, 0), each(self.contexts), means)
