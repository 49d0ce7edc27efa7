"""The three networks of RVD: context encoder, next-frame predictor and denoiser (appendix A).

Recurrent networks take the frames of a clip (frame, batch, channel, height, width) and the state
before them (one tensor a level, or None), and return the states after every frame; nothing is kept
on the module.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rvd.models.layers.blocks import (
    ConditionedResidualBlock,
    ConvGRU,
    Convolution,
    LinearAttention,
    ResidualBlock,
    StepEmbedding,
    downsample,
    upsample,
)
from rvd.models.layers.checkpointing import Checkpointing

Frames = Float[Tensor, "frame batch channel h w"]
State = list[Tensor] | None
Condition = list[tuple[Tensor, Tensor]]


class RecurrentPyramid(Checkpointing):
    """Per level a residual block, a ConvGRU and a halving: the way down that two networks share.

    Args:
        channels: of a frame.
        widths: channels of each level.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        pairs = list(zip([channels, *widths[:-1]], widths, strict=True))
        self.blocks = nn.ModuleList(ResidualBlock(before, after) for before, after in pairs)
        self.recurrences = nn.ModuleList(ConvGRU(width, width) for width in widths)
        self.halvings = nn.ModuleList(downsample(width) for width in widths[:-1])

    def forward(self, frames: Frames, state: State) -> list[Tensor]:
        """Of each level the states after every frame: (frame, batch, width, h/2^level, …)."""
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
    """What the denoiser knows of the past: the states of the pyramid, a tensor a level."""


class NextFramePredictor(Checkpointing):
    """μ_φ: the deterministic prediction of the next frame (figure 6).

    Args:
        channels: of a frame.
        widths: channels of each level.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.down = RecurrentPyramid(channels, widths)
        levels = range(len(widths) - 1, 0, -1)
        # The lowest level is where the way up begins, so it alone has no skip to concatenate.
        self.blocks = nn.ModuleList(
            ResidualBlock(widths[level] * (1 if level == levels[0] else 2), widths[level - 1])
            for level in levels
        )
        self.doublings = nn.ModuleList(upsample(widths[level - 1]) for level in levels)
        self.output = nn.Conv2d(widths[0], channels, 3, padding=1)

    def forward(self, frames: Frames, state: State) -> list[Tensor]:
        """The states after every frame, from which :meth:`predict` tells the next."""
        return self.down(frames, state)

    def predict(self, states: Sequence[Float[Tensor, "batch w h_ w_"]]) -> Tensor:
        """μ (batch, channel, height, width) in [−1, 1] from the states of each level."""
        *skips, h = states
        for index, (block, doubling) in enumerate(zip(self.blocks, self.doublings, strict=True)):
            if index:
                h = _joined(h, skips[-index])
            h = doubling(self._run(block, h))
        return self.output(h).clamp(-1, 1)


class Denoiser(Checkpointing):
    """f_θ: predicts the noise (or velocity) in a residual, given the context (figure 5).

    Args:
        channels: of a frame.
        width: of the step's embedding.
        widths: channels of each level.
        contexts: channels of the context at each level.
    """

    def __init__(
        self, channels: int, width: int, widths: Sequence[int], contexts: Sequence[int]
    ) -> None:
        super().__init__()
        self.embedding = StepEmbedding(width)
        pairs = list(zip([channels, *widths[:-1]], widths, strict=True))
        self.down_first = nn.ModuleList(ResidualBlock(*pair, width) for pair in pairs)
        self.down_second = nn.ModuleList(
            ConditionedResidualBlock(after, context, width)
            for (_, after), context in zip(pairs, contexts, strict=True)
        )
        self.down_attention = nn.ModuleList(LinearAttention(after) for after in widths)
        self.halvings = nn.ModuleList(downsample(after) for after in widths[:-1])
        self.middle_first = ResidualBlock(widths[-1], widths[-1], width)
        self.middle_attention = LinearAttention(widths[-1])
        self.middle_second = ResidualBlock(widths[-1], widths[-1], width)
        # The way up has one level fewer, so the first level's skip goes unused, as in the paper.
        levels = range(len(widths) - 1, 0, -1)
        self.up_first = nn.ModuleList(
            ResidualBlock(2 * widths[level], widths[level - 1], width) for level in levels
        )
        self.up_second = nn.ModuleList(
            ResidualBlock(widths[level - 1], widths[level - 1], width) for level in levels
        )
        self.up_attention = nn.ModuleList(LinearAttention(widths[level - 1]) for level in levels)
        self.doublings = nn.ModuleList(upsample(widths[level - 1]) for level in levels)
        self.output = nn.Sequential(
            Convolution(widths[0], widths[0]), nn.Conv2d(widths[0], channels, 1)
        )

    def condition(self, contexts: Sequence[Float[Tensor, "batch w h_ w_"]]) -> Condition:
        """What the context adds at each level: the same for all steps of a frame's sampling."""
        blocks = cast(Iterable[ConditionedResidualBlock], self.down_second)
        return [block.condition(c) for block, c in zip(blocks, contexts, strict=True)]

    def forward(
        self,
        y: Float[Tensor, "batch channel h w"],
        embedding: Float[Tensor, "rows width"],
        condition: Condition,
    ) -> Float[Tensor, "batch channel h w"]:
        """The noise or velocity in ``y``.

        Args:
            y: the noisy residuals.
            embedding: ``self.embedding`` of the diffusion step of each, or of the one step of all.
            condition: :meth:`condition` of the context.
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


def _joined(h: Tensor, skip: Tensor) -> Tensor:
    """Concatenated on channels."""
    return torch.cat([h, skip], 1)
