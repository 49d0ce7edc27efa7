"""Convolutional gated recurrent units over all frames of a clip."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rvd.models.layers.convolution import initialise_together


class ConvGRU(nn.Module):
    """A convolutional gated recurrent unit over all frames of a clip in one call.

    Only the convolutions of the hidden state are sequential: those of the inputs take all frames at
    once.

    Args:
        channels_in: Number of channels of the input.
        channels: Number of channels of the state.
        kernel: Kernel size, odd.
    """

    def __init__(self, channels_in: int, channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.channels = channels
        same = kernel // 2
        self.of_input = nn.Conv2d(channels_in, 3 * channels, kernel, padding=same)
        self.gates_of_state = nn.Conv2d(channels, 2 * channels, kernel, padding=same, bias=False)
        self.candidate_of_state = nn.Conv2d(channels, channels, kernel, padding=same, bias=False)
        initialise_together(self.of_input, self.gates_of_state)
        initialise_together(self.of_input, self.candidate_of_state)

    def forward(
        self,
        frames: Float[Tensor, "frame batch in h w"],
        state: Float[Tensor, "batch channels h w"] | None,
    ) -> Float[Tensor, "frame batch channels h w"]:
        """Return the state after each frame.

        Args:
            frames: Input (frame, batch, channels_in, h, w).
            state: State before the first frame; None for zeros.
        """
        of_input = self.of_input(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        states = []
        for gates_input, candidate_input in zip(
            *of_input.split([2 * self.channels, self.channels], 2), strict=True
        ):
            state = self._next(gates_input, candidate_input, state)
            states.append(state)
        return torch.stack(states)

    def _next(self, gates_input: Tensor, candidate_input: Tensor, state: Tensor | None) -> Tensor:
        if state is None:  # zeros: there is nothing to convolve or to keep
            return gates_input[:, self.channels :].sigmoid() * candidate_input.tanh()
        gates = gates_input + self.gates_of_state(state)
        reset_gate, update_gate = gates.sigmoid().chunk(2, 1)
        candidate = (candidate_input + self.candidate_of_state(reset_gate * state)).tanh()
        return torch.lerp(state, candidate, update_gate)
