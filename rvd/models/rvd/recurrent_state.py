"""The state that RVD carries from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rvd.models.rvd.networks import ContextEncoder, Frames, NextFramePredictor


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


def state_after(
    context_encoder: ContextEncoder,
    next_frame: NextFramePredictor | None,
    frames: Frames,
    state: RecurrentState | None,
) -> RecurrentState:
    """Return the state after more frames.

    Args:
        context_encoder: The context encoder.
        next_frame: The next-frame predictor; None for VD.
        frames: Frames (frame, batch, channel, height, width) in [−1, 1].
        state: State before them; None at the start of a clip.
    """
    contexts = context_encoder(frames, state and state.contexts)
    means = None if next_frame is None else next_frame(frames, state and state.means)
    return RecurrentState(
        frames[-1],
        [level[-1] for level in contexts],
        means and [level[-1] for level in means],
    )


def mean_after(next_frame: NextFramePredictor | None, state: RecurrentState) -> Tensor:
    """Return μ of the next frame (batch, channel, height, width); zeros for VD."""
    if next_frame is None or state.means is None:
        return torch.zeros_like(state.last)
    return next_frame.predict(state.means)
