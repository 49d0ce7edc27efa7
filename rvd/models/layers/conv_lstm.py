"""Convolutional LSTMs over all frames of a clip; states are passed in and out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rvd.models.layers.convolution import initialise_together


class LstmState(NamedTuple):
    """The state of a ConvLSTM: two maps (row, channels, h, w)."""

    hidden: Float[Tensor, "row channels h w"]
    cell: Float[Tensor, "row channels h w"]

    def repeated(self, times: int) -> LstmState:
        """Return the state with each row repeated ``times`` times, adjacent."""
        return LstmState(*(part.repeat_interleave(times, 0) for part in self))


class ConvLSTM(nn.Module):
    """A convolutional long short-term memory (Shi et al. 2015, without peepholes).

    Only the convolution of the hidden state is sequential: that of the inputs takes all frames at
    once. With a kernel size of 1 on maps of 1×1 it is the ordinary LSTM.

    Args:
        channels_in: Number of channels of the input.
        channels: Number of channels of the state.
        kernel: Kernel size, odd.
        groups: Number of groups in the normalisations of the input's gates, the state's gates and
            the cell, as in IVRNN; None for no normalisation.
    """

    def __init__(
        self, channels_in: int, channels: int, kernel: int = 3, groups: int | None = None
    ) -> None:
        super().__init__()
        self.channels = channels
        padding = kernel // 2
        self.of_input = nn.Conv2d(channels_in, 4 * channels, kernel, padding=padding)
        self.of_state = nn.Conv2d(channels, 4 * channels, kernel, padding=padding, bias=False)
        initialise_together(self.of_input, self.of_state)

        def norm(width: int) -> nn.Module:
            return nn.Identity() if groups is None else nn.GroupNorm(groups, width)

        self.norm_of_input = norm(4 * channels)
        self.norm_of_state = norm(4 * channels)
        self.norm_of_cell = norm(channels)

    def forward(
        self, frames: Float[Tensor, "frame row in h w"], state: LstmState | None
    ) -> tuple[Float[Tensor, "frame row channels h w"], LstmState]:
        """Return the hidden state after each frame, and the whole state after the last.

        Args:
            frames: Input (frame, row, channels_in, h, w).
            state: State before the first frame; None for zeros.
        """
        gates = self.norm_of_input(self.of_input(frames.flatten(0, 1)))
        gates = gates.unflatten(0, frames.shape[:2])
        if state is None:
            zeros = torch.zeros_like(gates[0, :, : self.channels])
            state = LstmState(zeros, zeros)
        hidden = []
        for of_input in gates:
            state = self._next(of_input, state)
            hidden.append(state.hidden)
        return torch.stack(hidden), state

    def _next(self, of_input: Tensor, state: LstmState) -> LstmState:
        gates = of_input + self.norm_of_state(self.of_state(state.hidden))
        input_gate, forget_gate, output_gate, candidate = gates.chunk(4, 1)
        cell = forget_gate.sigmoid() * state.cell + input_gate.sigmoid() * candidate.tanh()
        return LstmState(output_gate.sigmoid() * self.norm_of_cell(cell).tanh(), cell)
