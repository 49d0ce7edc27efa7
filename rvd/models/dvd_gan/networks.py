"""The networks of DVD-GAN: a recurrent generator and two critics (Clark et al. 2019, appendix A).

Spectral normalisation is laid over them from outside (:mod:`rvd.models.layers.spectral`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.dvd_gan.config import SMALLEST
from rvd.models.layers.blocks import ConvGRU
from rvd.models.layers.spectral import ConditionalBatchNorm


class Generator(nn.Module):
    """Known frames and noise → the frames after them, in [−1, 1].

    The noise makes a 4×4 map, the same for all frames. At every scale a stack of ConvGRUs, which
    begins with what the known frames say at that scale, tells the frames apart.

    Args:
        channels: of a frame.
        known: how many frames are known.
        latent: length of the noise.
        widths: channels at 4 pixels, 8, …, the frame's size.
        encoder_widths: of the known frames' encoder at half of the frame's size, …, 4 pixels.
        multipliers: of the scale's width, for each ConvGRU of its stack.
        kernels: of each ConvGRU of a stack.
    """

    def __init__(
        self,
        channels: int,
        known: int,
        latent: int,
        widths: Sequence[int],
        encoder_widths: Sequence[int],
        multipliers: Sequence[int],
        kernels: Sequence[int],
    ) -> None:
        super().__init__()
        self.start = nn.Linear(latent, widths[0] * SMALLEST**2)
        self.encoder = nn.ModuleList(
            CriticBlock(narrow, wide, first=level == 0)
            for level, (narrow, wide) in enumerate(pairwise([channels, *encoder_widths]))
        )
        self.scales = nn.ModuleList(
            Scale(narrow, wide, latent, seen * known, multipliers, kernels)
            for (narrow, wide), seen in zip(pairwise(widths), reversed(encoder_widths), strict=True)
        )
        self.to_frame = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(
        self,
        context: Float[Tensor, "batch known channel height width"],
        noise: Float[Tensor, "batch latent"],
        frames: int,
    ) -> Float[Tensor, "batch frames channel height width"]:
        """``frames`` frames after ``context``, which is in [−1, 1]."""
        seen = self._encoded(context)
        x = self.start(noise).unflatten(1, (-1, SMALLEST, SMALLEST))
        x = x.expand(frames, *x.shape)
        for scale in self.scales:
            x = scale(x, seen.pop(), noise)
        picture = self.to_frame(F.relu(x.flatten(0, 1))).tanh()
        return picture.unflatten(0, (frames, len(context))).transpose(0, 1)

    def _encoded(self, context: Tensor) -> list[Tensor]:
        """A map (batch, known · channels, height, width) a scale, from the largest."""
        batch, known = context.shape[:2]
        x, maps = context.flatten(0, 1), []
        for block in self.encoder:
            x = block(x)
            maps.append(x.unflatten(0, (batch, known)).flatten(1, 2))
        return maps


class Scale(nn.Module):
    """Stacked ConvGRUs over time, a residual block, and one that doubles height and width.

    Args:
        channels_in: of the input.
        channels_out: of the output.
        latent: length of the noise.
        seen: channels of what the known frames say.
        multipliers: of ``channels_in``, for each ConvGRU.
        kernels: of each ConvGRU.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        latent: int,
        seen: int,
        multipliers: Sequence[int],
        kernels: Sequence[int],
    ) -> None:
        super().__init__()
        self.widths = [channels_in * multiplier for multiplier in multipliers]
        self.states = nn.Conv2d(seen, sum(self.widths), 3, padding=1)
        self.recurrent = nn.ModuleList(
            ConvGRU(narrow, wide, kernel)
            for (narrow, wide), kernel in zip(
                pairwise([channels_in, *self.widths]), kernels, strict=True
            )
        )
        self.refining = GeneratorBlock(self.widths[-1], channels_in, latent, doubling=False)
        self.enlarging = GeneratorBlock(channels_in, channels_out, latent, doubling=True)

    def forward(
        self,
        x: Float[Tensor, "frame batch in h w"],
        seen: Float[Tensor, "batch seen h w"],
        noise: Float[Tensor, "batch latent"],
    ) -> Float[Tensor, "frame batch out 2h 2w"]:
        """``seen`` begins the recurrence; ``noise`` conditions the blocks of all frames alike."""
        # States are means of values of tanh, so the first ones are values of tanh, too.
        states = self.states(seen).tanh().split(self.widths, 1)
        for unit, state in zip(self.recurrent, states, strict=True):
            x = unit(x, state)
        frames, batch = x.shape[:2]
        condition = noise.repeat(frames, 1)  # as the rows below: frame by frame, all clips of each
        rows = self.enlarging(self.refining(x.flatten(0, 1), condition), condition)
        return rows.unflatten(0, (frames, batch))


class GeneratorBlock(nn.Module):
    """Two 3×3 convolutions after normalisation conditioned on noise, around which the input goes.

    Args:
        channels_in: of the input.
        channels_out: of the output.
        latent: length of the noise.
        doubling: whether the output has twice the height and width.
    """

    def __init__(self, channels_in: int, channels_out: int, latent: int, *, doubling: bool) -> None:
        super().__init__()
        self.factor = 2 if doubling else 1
        self.norms = nn.ModuleList(
            ConditionalBatchNorm(width, latent) for width in (channels_in, channels_out)
        )
        self.first = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        changed = doubling or channels_in != channels_out
        self.shortcut = nn.Conv2d(channels_in, channels_out, 1) if changed else nn.Identity()

    def forward(
        self, x: Float[Tensor, "row in h w"], noise: Float[Tensor, "row latent"]
    ) -> Float[Tensor, "row out H W"]:
        """``noise`` has a vector for each row of ``x``."""
        h = self.first(self._enlarged(F.relu(self.norms[0](x, noise))))
        h = self.second(F.relu(self.norms[1](h, noise)))
        # A 1×1 convolution and enlarging by repetition commute: convolve the smaller one.
        return h + self._enlarged(self.shortcut(x))

    def _enlarged(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=self.factor) if self.factor > 1 else x


class CriticBlock(nn.Module):
    """Two convolutions of 3 a side around which the input goes, and a mean over halves.

    Args:
        channels_in: of the input.
        channels_out: of the output.
        first: whether the input is a picture, which no ReLU is to cut.
        dimensions: 2, or 3 where time is convolved and halved as well.
        halving: whether height and width (and time) are halved.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        first: bool = False,
        dimensions: int = 2,
        halving: bool = True,
    ) -> None:
        super().__init__()
        convolution = nn.Conv3d if dimensions == 3 else nn.Conv2d
        self.is_first = first
        self.first = convolution(channels_in, channels_out, 3, padding=1)
        self.second = convolution(channels_out, channels_out, 3, padding=1)
        changed = halving or channels_in != channels_out
        self.shortcut = convolution(channels_in, channels_out, 1) if changed else nn.Identity()
        pool = nn.AvgPool3d if dimensions == 3 else nn.AvgPool2d
        self.pool = pool(2) if halving else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(row, in, …) → (row, out, …)."""
        h = self.first(x if self.is_first else F.relu(x))
        h = self.second(F.relu(h))
        # A 1×1 convolution and a mean commute: convolve the smaller one.
        return self.pool(h) + self.shortcut(self.pool(x))


class SelfAttention(nn.Module):
    """Attention over all places of a map, at an eighth of its channels (Zhang et al. 2019).

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
        """Keys and values are the greatest of squares of four places."""
        maps = self.queries(x), F.max_pool2d(self.keys(x), 2), F.max_pool2d(self.values(x), 2)
        queries, keys, values = (part.flatten(2).transpose(1, 2) for part in maps)
        mixed = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)
        return x + self.weight * self.output(mixed.transpose(1, 2).unflatten(2, x.shape[2:]))


class SpatialCritic(nn.Module):
    """Single frames at full size → a score a clip: the sum of its frames'.

    Args:
        channels: of a frame.
        widths: at half of the frame's size, a quarter, …; attention follows the second.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for level, (narrow, wide) in enumerate(pairwise([channels, *widths])):
            layers.append(CriticBlock(narrow, wide, first=level == 0))
            if level == 1:
                layers.append(SelfAttention(wide))
        layers.append(CriticBlock(widths[-1], widths[-1], halving=False))
        self.layers = nn.Sequential(*layers)
        self.score = nn.Linear(widths[-1], 1)

    def forward(
        self, frames: Float[Tensor, "batch frame channel height width"]
    ) -> Float[Tensor, " batch"]:
        """``frames`` in [−1, 1]."""
        features = F.relu(self.layers(frames.flatten(0, 1))).sum((2, 3))
        return self.score(features).unflatten(0, frames.shape[:2]).sum((1, 2))


class TemporalCritic(nn.Module):
    """Whole clips at half of their height and width → a score a clip.

    Two blocks convolve and halve time as well; those after them see single times, whose scores are
    added.

    Args:
        channels: of a frame.
        widths: of the blocks, the first two over time; the last one halves nothing.
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
            CriticBlock(widths[-2], widths[-1], halving=False),
        )
        self.score = nn.Linear(widths[-1], 1)

    def forward(
        self, frames: Float[Tensor, "batch frame channel height width"]
    ) -> Float[Tensor, " batch"]:
        """``frames``, a multiple of four, in [−1, 1]."""
        small = F.avg_pool3d(frames.transpose(1, 2), (1, 2, 2))
        moments = self.over_time(small).transpose(1, 2)
        features = F.relu(self.over_space(moments.flatten(0, 1))).sum((2, 3))
        return self.score(features).unflatten(0, moments.shape[:2]).sum((1, 2))
