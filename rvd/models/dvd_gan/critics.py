"""The critics of DVD-GAN, of frames and of motion (Clark et al. 2019, appendix A).

Spectral normalisation is applied from outside (:mod:`rvd.models.layers.spectral`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class CriticBlock(nn.Module):
    """Two convolutions of kernel size 3 with a skip connection, and average pooling.

    Args:
        channels_in: Number of channels of the input.
        channels_out: Number of channels of the output.
        first: True where the input is a picture, which is not passed through a ReLU.
        dimensions: 2, or 3 to convolve and downsample time as well.
        downsample: Choice of half the height and width (and time).
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        first: bool = False,
        dimensions: int = 2,
        downsample: bool = True,
    ) -> None:
        super().__init__()
        convolution = nn.Conv3d if dimensions == 3 else nn.Conv2d
        self.is_first = first
        self.first = convolution(channels_in, channels_out, 3, padding=1)
        self.second = convolution(channels_out, channels_out, 3, padding=1)
        changed = downsample or channels_in != channels_out
        self.shortcut = convolution(channels_in, channels_out, 1) if changed else nn.Identity()
        pool = nn.AvgPool3d if dimensions == 3 else nn.AvgPool2d
        self.pool = pool(2) if downsample else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return (row, out, …) from (row, in, …)."""
        h = self.first(x if self.is_first else F.relu(x))
        h = self.second(F.relu(h))
        # A 1×1 convolution and average pooling commute: convolve the smaller map.
        return self.pool(h) + self.shortcut(self.pool(x))


class SelfAttention(nn.Module):
    """Attention over all positions of a map, at an eighth of its channels (Zhang et al. 2019).

    It is added with a weight that starts at zero.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow, half = max(channels // 8, 1), max(channels // 2, 1)
        self.queries = nn.Conv2d(channels, narrow, 1, bias=False)
        self.keys = nn.Conv2d(channels, narrow, 1, bias=False)
        self.values = nn.Conv2d(channels, half, 1, bias=False)
        self.output = nn.Conv2d(half, channels, 1, bias=False)
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, x: Float[Tensor, "row c h w"]) -> Float[Tensor, "row c h w"]:
        """Return ``x`` with attention; keys and values are maxima over 2×2 positions."""
        maps = self.queries(x), F.max_pool2d(self.keys(x), 2), F.max_pool2d(self.values(x), 2)
        queries, keys, values = (part.flatten(2).transpose(1, 2) for part in maps)
        mixed = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)
        return x + self.weight * self.output(mixed.transpose(1, 2).unflatten(2, x.shape[2:]))


class SpatialCritic(nn.Module):
    """A critic of single frames at full size; a clip's score is the sum of its frames'.

    Args:
        channels: Number of channels of a frame.
        widths: Number of channels at half of the frame's size, a quarter, …; attention follows
            the second.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for level, (narrow, wide) in enumerate(pairwise([channels, *widths])):
            layers.append(CriticBlock(narrow, wide, first=level == 0))
            if level == 1:
                layers.append(SelfAttention(wide))
        layers.append(CriticBlock(widths[-1], widths[-1], downsample=False))
        self.layers = nn.Sequential(*layers)
        self.score = nn.Linear(widths[-1], 1)

    def forward(
        self, frames: Float[Tensor, "batch frame channel height width"]
    ) -> Float[Tensor, " batch"]:
        """Return a score per clip of ``frames`` in [−1, 1]."""
        features = F.relu(self.layers(frames.flatten(0, 1))).sum((2, 3))
        return self.score(features).unflatten(0, frames.shape[:2]).sum((1, 2))


class TemporalCritic(nn.Module):
    """A critic of whole clips at half of their height and width.

    Two blocks convolve and downsample time as well; those after them see single times, whose scores
    are added.

    Args:
        channels: Number of channels of a frame.
        widths: Number of channels of each block, the first two over time; the last does not
            downsample.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        first, second = widths[:2]
        self.over_time = nn.Sequential(
            CriticBlock(channels, first, first=True, dimensions=3),
            CriticBlock(first, second, dimensions=3),
        )
        self.over_space = nn.Sequential(
            *(CriticBlock(narrow, wide) for narrow, wide in pairwise(widths[1:-1])),
            CriticBlock(widths[-2], widths[-1], downsample=False),
        )
        self.score = nn.Linear(widths[-1], 1)

    def forward(
        self, frames: Float[Tensor, "batch frame channel height width"]
    ) -> Float[Tensor, " batch"]:
        """Return a score per clip of ``frames`` in [−1, 1], a multiple of four per clip."""
        small = F.avg_pool3d(frames.transpose(1, 2), (1, 2, 2))
        moments = self.over_time(small).transpose(1, 2)
        features = F.relu(self.over_space(moments.flatten(0, 1))).sum((2, 3))
        return self.score(features).unflatten(0, moments.shape[:2]).sum((1, 2))
