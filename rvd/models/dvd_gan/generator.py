"""The recurrent generator of DVD-GAN (Clark et al. 2019, appendix A).

Spectral normalisation is applied from outside (:mod:`rvd.models.layers.spectral`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.dvd_gan.config import SMALLEST
from rvd.models.dvd_gan.critics import CriticBlock
from rvd.models.layers.conv_gru import ConvGRU
from rvd.models.layers.spectral import ConditionalBatchNorm


class Generator(nn.Module):
    """A generator of future frames, in [−1, 1], from known frames and noise.

    The noise is mapped to a 4×4 map that all frames share. At each scale, a stack of ConvGRUs with
    an initial state from the known frames gives each frame its own content.

    Args:
        channels: Number of channels of a frame.
        known: Number of known frames.
        latent: Length of the noise vector.
        widths: Number of channels at 4 pixels, 8, …, the frame's size.
        encoder_widths: Number of channels of the known frames' encoder at half of the frame's size,
            …, 4 pixels.
        multipliers: Factor from the scale's width to the channels of each ConvGRU.
        kernels: Kernel size of each ConvGRU of a stack.
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
        """Return ``frames`` frames after ``context``, all in [−1, 1]."""
        seen = self._encoded(context)
        x = self.start(noise).unflatten(1, (-1, SMALLEST, SMALLEST))
        x = x.expand(frames, *x.shape)
        for scale in self.scales:
            x = scale(x, seen.pop(), noise)
        picture = self.to_frame(F.relu(x.flatten(0, 1))).tanh()
        return picture.unflatten(0, (frames, len(context))).transpose(0, 1)

    def _encoded(self, context: Tensor) -> list[Tensor]:
        """Return a map (batch, known · channels, height, width) per scale, from the largest."""
        batch, known = context.shape[:2]
        x, maps = context.flatten(0, 1), []
        for block in self.encoder:
            x = block(x)
            maps.append(x.unflatten(0, (batch, known)).flatten(1, 2))
        return maps


class Scale(nn.Module):
    """Stacked ConvGRUs over time, a residual block, and an upsampling one.

    Args:
        channels_in: Number of channels of the input.
        channels_out: Number of channels of the output.
        latent: Length of the noise vector.
        seen: Number of channels of the known frames' features.
        multipliers: Factor from ``channels_in`` to the channels of each ConvGRU.
        kernels: Kernel size of each ConvGRU.
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
        self.refining = GeneratorBlock(self.widths[-1], channels_in, latent, upsample=False)
        self.enlarging = GeneratorBlock(channels_in, channels_out, latent, upsample=True)

    def forward(
        self,
        x: Float[Tensor, "frame batch in h w"],
        seen: Float[Tensor, "batch seen h w"],
        noise: Float[Tensor, "batch latent"],
    ) -> Float[Tensor, "frame batch out h*2 w*2"]:
        """Return frames of twice the height and width.

        Args:
            x: Input (frame, batch, channels_in, h, w).
            seen: Features of the known frames, for the initial states.
            noise: Noise vector, which conditions the blocks of all frames alike.
        """
        # States are means of values of tanh, so the initial ones are values of tanh, too.
        states = self.states(seen).tanh().split(self.widths, 1)
        for unit, state in zip(self.recurrent, states, strict=True):
            x = unit(x, state)
        frames, batch = x.shape[:2]
        condition = noise.repeat(frames, 1)  # in the order of the rows below: frame by frame
        rows = self.enlarging(self.refining(x.flatten(0, 1), condition), condition)
        return rows.unflatten(0, (frames, batch))


class GeneratorBlock(nn.Module):
    """Two 3×3 convolutions, normalised conditionally on noise, with a skip connection.

    Args:
        channels_in: Number of channels of the input.
        channels_out: Number of channels of the output.
        latent: Length of the noise vector.
        upsample: Choice of twice the height and width.
    """

    def __init__(self, channels_in: int, channels_out: int, latent: int, *, upsample: bool) -> None:
        super().__init__()
        self.factor = 2 if upsample else 1
        self.norms = nn.ModuleList(
            ConditionalBatchNorm(width, latent) for width in (channels_in, channels_out)
        )
        self.first = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        changed = upsample or channels_in != channels_out
        self.shortcut = nn.Conv2d(channels_in, channels_out, 1) if changed else nn.Identity()

    def forward(
        self, x: Float[Tensor, "row in h w"], noise: Float[Tensor, "row latent"]
    ) -> Float[Tensor, "row out H W"]:
        """Return (row, channels_out, H, W).

        Args:
            x: Input (row, channels_in, h, w).
            noise: Noise vector of each row (row, latent).
        """
        h = self.first(self._upsampled(F.relu(self.norms[0](x, noise))))
        h = self.second(F.relu(self.norms[1](h, noise)))
        # A 1×1 convolution and upsampling by repetition commute: convolve the smaller map.
        return h + self._upsampled(self.shortcut(x))

    def _upsampled(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=self.factor) if self.factor > 1 else x
