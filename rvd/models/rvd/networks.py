"""The three networks of RVD: context encoder, next-frame predictor and denoiser (appendix A).

Recurrent networks take the frames of a clip (frame, batch, channel, height, width) and the state
before them (one tensor per level, or None), and return the states after every frame; nothing is
kept on the module.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rvd.models.layers.attention import LinearAttention
from rvd.models.layers.blocks import ConditionedResidualBlock, ResidualBlock
from rvd.models.layers.checkpointing import Checkpointing
from rvd.models.layers.conv_gru import ConvGRU
from rvd.models.layers.convolution import Convolution, downsample, upsample
from rvd.models.layers.step_embedding import Modulation, StepEmbedding, StepShift

Frames = Float[Tensor, "frame batch channel h w"]
State = list[Tensor] | None
Condition = list[tuple[Tensor, Tensor]]


class RecurrentPyramid(Checkpointing):
    """Residual block, ConvGRU and downsampling at each level, as two networks share it.

    Args:
        channels: Number of channels of a frame.
        widths: Number of channels at each level.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        pairs = list(zip([channels, *widths[:-1]], widths, strict=True))
        self.blocks = nn.ModuleList(ResidualBlock(before, after) for before, after in pairs)
        self.recurrences = nn.ModuleList(ConvGRU(width, width) for width in widths)
        self.halvings = nn.ModuleList(downsample(width) for width in widths[:-1])

    def forward(self, frames: Frames, state: State) -> list[Tensor]:
        """Return each level's states after every frame: (frame, batch, width, h/2^level, …)."""
        states: list[Tensor] = []
        for level, (block, recurrence) in enumerate(
            zip(self.blocks, self.recurrences, strict=True)
        ):
            if level:
                frames = self._each(self.halvings[level - 1], frames)
            frames = recurrence(self._each(block, frames), state[level] if state else None)
            states.append(frames)
        return states


class ContextEncoder(RecurrentPyramid):
    """The encoder of past frames, whose states at each level condition the denoiser."""


class NextFramePredictor(Checkpointing):
    """The deterministic prediction μ_φ of the next frame (figure 6).

    Args:
        channels: Number of channels of a frame.
        widths: Number of channels at each level.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.down = RecurrentPyramid(channels, widths)
        levels = range(len(widths) - 1, 0, -1)
        # The upsampling path starts at the lowest level, which alone has no skip to concatenate.
        self.blocks = nn.ModuleList(
            ResidualBlock(widths[level] * (1 if level == levels[0] else 2), widths[level - 1])
            for level in levels
        )
        self.doublings = nn.ModuleList(upsample(widths[level - 1]) for level in levels)
        self.output = nn.Conv2d(widths[0], channels, 3, padding=1)

    def forward(self, frames: Frames, state: State) -> list[Tensor]:
        """Return the states after every frame, from which :meth:`predict` computes the next."""
        return self.down(frames, state)

    def predict(self, states: Sequence[Float[Tensor, "batch _width _h _w"]]) -> Tensor:
        """Return μ (batch, channel, height, width) in [−1, 1] from the states of each level."""
        *skips, h = states
        for index, (block, doubling) in enumerate(zip(self.blocks, self.doublings, strict=True)):
            if index:
                h = _joined(h, skips[-index])
            h = doubling(self._run(block, h))
        return self.output(h).clamp(-1, 1)


class ConditionedUNet(Checkpointing):
    """A U-Net over images, given the context's states and one embedding per row (figure 5).

    Args:
        embedding: Network of the embedding, which callers apply.
        channels_in: Number of channels of the input.
        channels_out: Number of channels of the output.
        width: Width of the embedding.
        widths: Number of channels at each level, also of the context.
        modulation: Class of the modules by which the embedding changes the channels.
    """

    def __init__(
        self,
        embedding: nn.Module,
        channels_in: int,
        channels_out: int,
        width: int,
        widths: Sequence[int],
        modulation: Modulation = StepShift,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        pairs = list(zip([channels_in, *widths[:-1]], widths, strict=True))
        self.down_first = nn.ModuleList(ResidualBlock(*pair, width, modulation) for pair in pairs)
        self.down_second = nn.ModuleList(
            ConditionedResidualBlock(after, after, width, modulation) for after in widths
        )
        self.down_attention = nn.ModuleList(LinearAttention(after) for after in widths)
        self.halvings = nn.ModuleList(downsample(after) for after in widths[:-1])
        self.middle_first = ResidualBlock(widths[-1], widths[-1], width, modulation)
        self.middle_attention = LinearAttention(widths[-1])
        self.middle_second = ResidualBlock(widths[-1], widths[-1], width, modulation)
        # The upsampling path has one level fewer, so the first level's skip is unused, as in the
        # paper.
        levels = range(len(widths) - 1, 0, -1)
        self.up_first = nn.ModuleList(
            ResidualBlock(2 * widths[level], widths[level - 1], width, modulation)
            for level in levels
        )
        self.up_second = nn.ModuleList(
            ResidualBlock(widths[level - 1], widths[level - 1], width, modulation)
            for level in levels
        )
        self.up_attention = nn.ModuleList(LinearAttention(widths[level - 1]) for level in levels)
        self.doublings = nn.ModuleList(upsample(widths[level - 1]) for level in levels)
        self.output = nn.Sequential(
            Convolution(widths[0], widths[0]), nn.Conv2d(widths[0], channels_out, 1)
        )

    def condition(self, contexts: Sequence[Float[Tensor, "batch _width _h _w"]]) -> Condition:
        """Return the context's terms at each level, shared by all diffusion steps of a frame."""
        blocks = cast(Iterable[ConditionedResidualBlock], self.down_second)
        return [block.condition(c) for block, c in zip(blocks, contexts, strict=True)]

    def forward(
        self,
        y: Float[Tensor, "batch in h w"],
        embedding: Float[Tensor, "_rows width"],
        condition: Condition,
    ) -> Float[Tensor, "batch out h w"]:
        """Return (batch, channels_out, h, w).

        Args:
            y: Images (batch, channels_in, h, w).
            embedding: ``self.embedding`` of each row's input, or of one for all.
            condition: Result of :meth:`condition`.
        """
        h, skips = y, []
        for level, (first, second, attention) in enumerate(
            zip(self.down_first, self.down_second, self.down_attention, strict=True)
        ):
            if level:
                h = self.halvings[level - 1](h)
            h = self._run(first, h, embedding)
            h = self._run(second, h, condition[level], embedding)
            h = self._run(attention, h)
            skips.append(h)
        h = self._run(self.middle_first, h, embedding)
        h = self._run(self.middle_second, self._run(self.middle_attention, h), embedding)
        for first, second, attention, doubling in zip(
            self.up_first, self.up_second, self.up_attention, self.doublings, strict=True
        ):
            h = self._run(first, _joined(h, skips.pop()), embedding)
            h = doubling(self._run(attention, self._run(second, h, embedding)))
        return self.output(h)


class Denoiser(ConditionedUNet):
    """The prediction f_θ of the noise (or velocity) in a residual, given the context.

    Its embedding is that of the diffusion step.

    Args:
        channels: Number of channels of a frame.
        width: Width of the step's embedding.
        widths: Number of channels at each level, also of the context.
    """

    def __init__(self, channels: int, width: int, widths: Sequence[int]) -> None:
        super().__init__(StepEmbedding(width), channels, channels, width, widths)


def _joined(h: Tensor, skip: Tensor) -> Tensor:
    return torch.cat([h, skip], 1)
