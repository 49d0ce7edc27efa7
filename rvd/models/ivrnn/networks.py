"""The networks of IVRNN around its latents: embedding, first states and renderer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rvd.models.ivrnn.config import LOWEST, LSTM_GROUPS, IvrnnNetworkConfig
from rvd.models.layers.checkpointing import Checkpointing
from rvd.models.layers.conv_lstm import ConvLSTM, LstmState
from rvd.models.layers.convolution import SLOPE

GROUPS = 4
BRANCH_SCALE = 0.1  # weight of a residual block's branch

# Features of a clip at each resolution, finest first: (frame, row, width, h, w).
Features = list[Tensor]


class Embedding(Checkpointing):
    """An encoder from frames to features at each resolution, down to a single pixel.

    Args:
        channels: Number of channels of a frame.
        widths: Number of channels of the features, finest first.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        first = nn.Sequential(nn.Conv2d(channels, widths[0], 1), DampedBlock(widths[0], widths[0]))
        self.stages = nn.ModuleList([first])
        for level, (width, after) in enumerate(pairwise(widths), 1):
            last = level == len(widths) - 1
            pooling = nn.MaxPool2d(LOWEST, stride=1) if last else nn.MaxPool2d(2)
            blocks = (DampedBlock(width, after), DampedBlock(after, after))
            self.stages.append(nn.Sequential(pooling, *blocks))

    def forward(self, frames: Float[Tensor, "frame row channel height width"]) -> Features:
        """Return the features of ``frames``, which are in [0, 1]."""
        h, features = frames.flatten(0, 1), []
        for stage in self.stages:
            h = self._run(stage, h)
            features.append(h.unflatten(0, frames.shape[:2]))
        return features


class DampedBlock(nn.Module):
    """A residual block: x + 0.1·(two convolutions after LeakyReLU and before normalisation).

    Args:
        channels_in: Number of channels of the input.
        channels_out: Number of channels of the output; a 1×1 convolution matches the input when
            they differ.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        inner = min(channels_in, channels_out)
        self.branch = nn.Sequential(
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels_in, inner, 3, padding=1),
            nn.GroupNorm(GROUPS, inner),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(inner, channels_out, 3, padding=1, bias=False),
            nn.GroupNorm(GROUPS, channels_out),
        )
        self.shortcut: nn.Module = (
            nn.Conv2d(channels_in, channels_out, 1, bias=False)
            if channels_in != channels_out
            else nn.Identity()
        )

    def forward(self, x: Float[Tensor, "row in h w"]) -> Float[Tensor, "row out h w"]:
        """Return (row, channels_out, h, w) from (row, channels_in, h, w)."""
        return self.shortcut(x) + BRANCH_SCALE * self.branch(x)


class FirstState(nn.Module):
    """The initial state of a ConvLSTM, from the features of all context frames.

    Args:
        known: Number of context frames.
        width: Number of channels of their features, and of the state.
        kernel: Kernel size of the first convolution.
    """

    def __init__(self, known: int, width: int, kernel: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(known * width, known * width, kernel, padding=kernel // 2),
            nn.GroupNorm(GROUPS, known * width),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(known * width, 2 * width, 1),
            nn.GroupNorm(1, 2 * width),
        )

    def forward(self, context: Float[Tensor, "frame row width h w"]) -> LstmState:
        """Return the state from ``known`` frames, whose order matters."""
        return LstmState(*self.layers(context.transpose(0, 1).flatten(1, 2)).chunk(2, 1))


class Renderer(Checkpointing):
    """The decoder of the next frame from the last frame's embedding (one pixel) and the latents.

    Args:
        channels: Number of channels of a frame.
        network: The config's network at the frame size.
        known: Number of context frames.
    """

    def __init__(self, channels: int, network: IvrnnNetworkConfig, known: int) -> None:
        super().__init__()
        latents = latent_levels(network)
        self.latent_levels = list(latents)
        self.cells = nn.ModuleList()
        self.first_states = nn.ModuleList()
        self.doublings = nn.ModuleList()
        coarsest = len(network.widths) - 1
        for level in range(coarsest, -1, -1):
            width = network.widths[level]
            joined = width + latents.get(level, 0)
            kernel = network.context_kernels.get(network.resolutions[level], 1)
            self.cells.append(ConvLSTM(joined, width, groups=LSTM_GROUPS))
            self.first_states.append(FirstState(known, width, kernel))
            if level:
                after = network.widths[level - 1]
                stride, padding = (1, 0) if level == coarsest else (2, 1)
                up = nn.ConvTranspose2d(width, after, 4, stride, padding)
                norm = nn.GroupNorm(GROUPS, after)
                self.doublings.append(nn.Sequential(up, norm, nn.LeakyReLU(SLOPE)))
        width = network.widths[0]
        self.output = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(GROUPS, width),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(width, channels, 3, padding=1),
            nn.Sigmoid(),
        )

    def begin(self, context: Features) -> list[LstmState]:
        """Return the states of the ConvLSTMs before the first frame, coarsest first."""
        pairs = zip(self.first_states, reversed(context), strict=True)
        return [self._run(first, level) for first, level in pairs]

    def forward(
        self,
        h: Float[Tensor, "frame row _width 1 1"],
        latents: Sequence[Float[Tensor, "frame row _channel _h _w"]],
        states: Sequence[LstmState],
    ) -> tuple[Float[Tensor, "frame row channel height width"], list[LstmState]]:
        """Return each next frame in [0, 1], and the states after the last.

        Args:
            h: Embedding of each frame, at one pixel.
            latents: Latents of the frame after each, coarsest first.
            states: States before the first frame.
        """
        by_level = dict(zip(self.latent_levels, latents, strict=True))
        after = []
        for index, (cell, state) in enumerate(zip(self.cells, states, strict=True)):
            if index:
                h = self._each(self.doublings[index - 1], h)
            level = len(self.cells) - 1 - index
            if level in by_level:
                h = torch.cat([h, by_level[level]], 2)
            h, state = self._run(cell, h, state)
            after.append(state)
        return self._each(self.output, h), after


def latent_levels(network: IvrnnNetworkConfig) -> dict[int, int]:
    """Return the levels with latents, coarsest first, and the channels of their latents."""
    coarse_to_fine = sorted(network.latents.items())
    return {network.resolutions.index(pixels): latent for pixels, latent in coarse_to_fine}
