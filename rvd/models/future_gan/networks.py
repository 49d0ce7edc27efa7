"""The growing networks of FutureGAN: 3-D convolutions, a level for each resolution.

A network holds all levels from the start and uses those up to a resolution; the newest is blended
in by ``alpha``: its output counts ``alpha``, what the network gave without it the rest.
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

Clip = Float[Tensor, "batch channel frame height width"]


def halved(clip: Clip) -> Clip:
    """Half the height and width, by means of squares of four."""
    return F.avg_pool3d(clip, HALF)


def doubled(clip: Clip) -> Clip:
    """Twice the height and width, by repetition."""
    return F.interpolate(clip, scale_factor=HALF)


def blended(old: Tensor, new: Tensor, alpha: float) -> Tensor:
    """``alpha`` of the new and the rest of the old."""
    return old + alpha * (new - old)


class Encoder(nn.Module):
    """Frames at any resolution → features at 4 pixels.

    Args:
        channels: of a frame.
        widths: resolution → channels.
        normalised: whether activations are normalised by pixel (the generator's are).
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

    def forward(self, clip: Clip, alpha: float) -> Float[Tensor, "batch width frame 4 4"]:
        """``clip`` at the resolution that is blended in by ``alpha``."""
        resolution = clip.shape[-1]
        x = self.from_frame[str(resolution)](clip)
        while resolution > SMALLEST:
            x = self.down[str(resolution)](x)
            resolution //= 2
            if alpha < 1:
                x = blended(self.from_frame[str(resolution)](halved(clip)), x, alpha)
                alpha = 1  # the levels below are as they were
        return x


class Generator(nn.Module):
    """Known frames → the frames after them, in one block; deterministic.

    Args:
        channels: of a frame.
        known: frames that go in.
        future: frames that come out.
        widths: resolution → channels.
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
        """``known`` frames in [−1, 1] → ``future`` ones, about in it, at the same resolution."""
        wanted, resolution = clip.shape[-1], SMALLEST
        x = self.middle(self.encoder(clip, alpha))
        before = x
        while resolution < wanted:
            resolution *= 2
            before, x = x, self.up[str(resolution)](x)
        frames = self.to_frame[str(wanted)](x)
        if alpha == 1 or wanted == SMALLEST:
            return frames
        return blended(doubled(self.to_frame[str(wanted // 2)](before)), frames, alpha)


class Critic(nn.Module):
    """Clips of known and future frames → a score each, without bounds.

    Args:
        channels: of a frame.
        frames: of a clip.
        widths: resolution → channels.
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
        """Scores; the clips of a batch are also judged by how much they differ."""
        x = self.encoder(clip, alpha)
        _, variance = batch_moments(x.float(), (0,))
        differing = (variance + EPSILON).sqrt().mean().to(x.dtype)
        return self.last(torch.cat([x, differing.expand_as(x[:, :1])], 1)).squeeze(1)


def _activated(layer: nn.Module, normalised: bool = True) -> nn.Sequential:
    norm = [PixelNorm()] if normalised else []
    return nn.Sequential(layer, nn.LeakyReLU(SLOPE), *norm)
