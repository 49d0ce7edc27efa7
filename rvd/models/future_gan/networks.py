"""The growing networks of FutureGAN: 3-D convolutions, one level per resolution.

A network has all levels from the start and uses those up to a resolution. The newest is blended in:
its output has the weight ``alpha``, and the output without it the weight 1 − ``alpha``.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.future_gan.config import SMALLEST
from rvd.models.future_gan.equalised import (
    EqualisedConv,
    EqualisedLinear,
    EqualisedTransposedConv,
    PixelNorm,
)
from rvd.models.layers.moments import batch_moments

SLOPE = 0.2
EPSILON = 1e-8
HALF = (1, 2, 2)

# The number of frames and their size may differ between arguments and results.
Clip = Float[Tensor, "batch channel _frame _height _width"]


def downsampled(clip: Clip) -> Clip:
    """Return half the height and width, by means over 2×2 pixels."""
    return F.avg_pool3d(clip, HALF)


def upsampled(clip: Clip) -> Clip:
    """Return twice the height and width, by repetition."""
    return F.interpolate(clip, scale_factor=HALF)


def blended(old: Tensor, new: Tensor, alpha: float) -> Tensor:
    """Return (1 − ``alpha``)·``old`` + ``alpha``·``new``."""
    return old + alpha * (new - old)


class Encoder(nn.Module):
    """An encoder from frames at any resolution to features at 4 pixels.

    Args:
        channels: Number of channels of a frame.
        widths: Number of channels by resolution.
        normalised: True for activations normalised at each pixel, as the generator's are.
    """

    def __init__(self, channels: int, widths: Mapping[int, int], *, normalised: bool) -> None:
        super().__init__()
        self.from_frame = nn.ModuleDict(
            {
                str(resolution): _activated(EqualisedConv(channels, width, 1), normalised)
                for resolution, width in widths.items()
            }
        )
        self.down = nn.ModuleDict(
            {
                str(resolution): nn.Sequential(
                    _activated(EqualisedConv(wide, wide, 3, padding=1), normalised),
                    _activated(EqualisedConv(wide, narrow, HALF, stride=HALF), normalised),
                )
                for (_, narrow), (resolution, wide) in pairwise(widths.items())
            }
        )

    def forward(self, clip: Clip, alpha: float) -> Float[Tensor, "batch features _frame 4 4"]:
        """Return the features of ``clip``, at the resolution that is blended in by ``alpha``."""
        resolution = clip.shape[-1]
        x = self.from_frame[str(resolution)](clip)
        while resolution > SMALLEST:
            x = self.down[str(resolution)](x)
            resolution //= 2
            if alpha < 1:
                x = blended(self.from_frame[str(resolution)](downsampled(clip)), x, alpha)
                alpha = 1  # the levels below are complete
        return x


class Generator(nn.Module):
    """A deterministic generator of a block of frames from known frames.

    Args:
        channels: Number of channels of a frame.
        known: Number of known frames.
        future: Number of generated frames.
        widths: Number of channels by resolution.
    """

    def __init__(self, channels: int, known: int, future: int, widths: Mapping[int, int]) -> None:
        super().__init__()
        widest = widths[SMALLEST]
        self.encoder = Encoder(channels, widths, normalised=True)
        self.middle = nn.Sequential(
            _activated(EqualisedConv(widest, widest, 3, padding=1)),
            _activated(EqualisedConv(widest, widest, (known, 1, 1))),
            _activated(EqualisedTransposedConv(widest, widest, (future, 1, 1))),
            _activated(EqualisedConv(widest, widest, 3, padding=1)),
        )
        self.up = nn.ModuleDict(
            {
                str(resolution): nn.Sequential(
                    _activated(EqualisedTransposedConv(narrow, wide, HALF)),
                    _activated(EqualisedConv(wide, wide, 3, padding=1)),
                )
                for (_, narrow), (resolution, wide) in pairwise(widths.items())
            }
        )
        self.to_frame = nn.ModuleDict(
            {
                str(resolution): EqualisedConv(width, channels, 1)
                for resolution, width in widths.items()
            }
        )

    def forward(self, clip: Clip, alpha: float) -> Clip:
        """Return ``future`` frames, about in [−1, 1], at the resolution of ``clip`` in [−1, 1]."""
        wanted, resolution = clip.shape[-1], SMALLEST
        x = self.middle(self.encoder(clip, alpha))
        before = x
        while resolution < wanted:
            resolution *= 2
            before, x = x, self.up[str(resolution)](x)
        frames = self.to_frame[str(wanted)](x)
        if alpha == 1 or wanted == SMALLEST:
            return frames
        return blended(upsampled(self.to_frame[str(wanted // 2)](before)), frames, alpha)


class Critic(nn.Module):
    """A critic of clips of known and future frames, with unbounded scores.

    Args:
        channels: Number of channels of a frame.
        frames: Number of frames of a clip.
        widths: Number of channels by resolution.
    """

    def __init__(self, channels: int, frames: int, widths: Mapping[int, int]) -> None:
        super().__init__()
        widest = widths[SMALLEST]
        self.encoder = Encoder(channels, widths, normalised=False)
        self.last = nn.Sequential(
            _activated(EqualisedConv(widest + 1, widest, 3, padding=1), False),
            _activated(EqualisedConv(widest, widest, (frames, SMALLEST, SMALLEST)), False),
            nn.Flatten(),
            EqualisedLinear(widest, 1),
        )

    def forward(self, clip: Clip, alpha: float) -> Float[Tensor, " batch"]:
        """Return a score per clip, which also depends on the variation within the batch."""
        x = self.encoder(clip, alpha)
        _, variance = batch_moments(x.float(), (0,))
        variation = (variance + EPSILON).sqrt().mean().to(x.dtype)
        return self.last(torch.cat([x, variation.expand_as(x[:, :1])], 1)).squeeze(1)


def _activated(layer: nn.Module, normalised: bool = True) -> nn.Sequential:
    norm = [PixelNorm()] if normalised else []
    return nn.Sequential(layer, nn.LeakyReLU(SLOPE), *norm)
