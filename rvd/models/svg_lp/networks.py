"""The encoder and decoder of SVG-LP: VGG networks of frames (Denton and Fergus 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.layers.checkpointing import Checkpointing
from rvd.models.layers.convolution import SLOPE
from rvd.models.svg_lp.config import GROUPS, SvgLpConfig


class Encoder(Checkpointing):
    """A VGG network from frames to features h, with a skip connection from each stage.

    Args:
        config: Config of the model.
        size: Height and width of a frame, in pixels.
        channels: Number of channels of a frame.
    """

    def __init__(self, config: SvgLpConfig, size: int, channels: int) -> None:
        super().__init__()
        network = config.networks[size]
        self.stages = nn.ModuleList()
        before = channels
        for width, depth in zip(network.widths, network.depths, strict=True):
            widths = [before, *[width] * depth]
            self.stages.append(
                nn.Sequential(
                    *(
                        VggConvolution(nn.Conv2d(*pair, 3, padding=1), config.normalisation)
                        for pair in pairwise(widths)
                    )
                )
            )
            before = width
        side = 1 if config.recurrence == "maps" else size // network.divisor
        self.output = nn.Sequential(
            nn.Conv2d(before, config.features, side),
            _norm(config.normalisation, config.features),
            nn.Tanh(),
        )

    def forward(
        self, frames: Float[Tensor, "frame batch channel height width"]
    ) -> tuple[Float[Tensor, "frame batch features h w"], list[Tensor]]:
        """Return features in [−1, 1], and the skips (frame, batch, width, height/2^stage, …)."""
        h, skips = frames.flatten(0, 1), []
        for stage in self.stages:
            h = self._run(stage, h)
            skips.append(h.unflatten(0, frames.shape[:2]))
            h = F.max_pool2d(h, 2)
        return self.output(h).unflatten(0, frames.shape[:2]), skips


class Decoder(Checkpointing):
    """The mirrored encoder, from features and skips to frames.

    Each stage starts with a convolution over (h, skip) concatenated. It is the sum of two, and the
    skip's term is the same for many frames, so :meth:`details` computes it separately.

    Args:
        config: Config of the model.
        size: Height and width of a frame, in pixels.
        channels: Number of channels of a frame.
    """

    def __init__(self, config: SvgLpConfig, size: int, channels: int) -> None:
        super().__init__()
        network = config.networks[size]
        side = 1 if config.recurrence == "maps" else size // network.divisor
        deepest = network.widths[-1]
        self.input = VggConvolution(
            nn.ConvTranspose2d(config.features, deepest, side), config.normalisation
        )
        self.of_features = nn.ModuleList()
        self.of_skips = nn.ModuleList()
        self.norms = nn.ModuleList()
        self.stages = nn.ModuleList()
        afters = [network.widths[0], *network.widths[:-1]]
        triples = zip(network.widths, network.depths, afters, strict=True)
        for level, (width, depth, after) in reversed(list(enumerate(triples))):
            self.of_features.append(nn.Conv2d(width, width, 3, padding=1))
            self.of_skips.append(nn.Conv2d(width, width, 3, padding=1, bias=False))
            self.norms.append(_norm(config.normalisation, width))
            # The last convolution of the last stage is the one to the frame.
            widths = [*[width] * (depth - 1), *([after] if level else [])]
            self.stages.append(
                nn.Sequential(
                    *(
                        VggConvolution(nn.Conv2d(*pair, 3, padding=1), config.normalisation)
                        for pair in pairwise(widths)
                    )
                )
            )
        self.output = nn.ConvTranspose2d(network.widths[0], channels, 3, padding=1)

    def details(
        self, skips: Sequence[Float[Tensor, "frame batch _width _h _w"]]
    ) -> list[Float[Tensor, "frame batch _width _h _w"]]:
        """Return the terms of the skips at each stage, deepest first."""
        pairs = zip(self.of_skips, reversed(skips), strict=True)
        return [
            convolution(skip.flatten(0, 1)).unflatten(0, skip.shape[:2])
            for convolution, skip in pairs
        ]

    def forward(
        self,
        features: Float[Tensor, "frame batch features h w"],
        details: Sequence[Float[Tensor, "frame batch _width _h _w"]],
    ) -> Float[Tensor, "frame batch channel height width"]:
        """Return frames in [0, 1].

        Args:
            features: Features (frame, batch, features, h, w).
            details: Result of :meth:`details`.
        """
        h = self.input(features.flatten(0, 1))
        for level, detail in enumerate(details):
            h = self._run(self._stage, level, h, detail)
        return self.output(h).sigmoid().unflatten(0, features.shape[:2])

    def _stage(
        self, level: int, h: Tensor, detail: Float[Tensor, "frame batch width h w"]
    ) -> Float[Tensor, "row after h w"]:
        """Apply the stage numbered ``level``, deepest first, for twice the height and width."""
        h = self.of_features[level](F.interpolate(h, scale_factor=2, mode="nearest"))
        h = F.leaky_relu(self.norms[level](h + detail.flatten(0, 1)), SLOPE)
        result: Tensor = self.stages[level](h)
        return result


class VggConvolution(nn.Sequential):
    """A convolution, its normalisation, LeakyReLU: (row, in, h, w) → (row, out, h, w)."""

    def __init__(self, convolution: nn.Conv2d | nn.ConvTranspose2d, normalisation: str) -> None:
        norm = _norm(normalisation, convolution.out_channels)
        super().__init__(convolution, norm, nn.LeakyReLU(SLOPE))


def _norm(normalisation: str, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if normalisation == "batch" else nn.GroupNorm(GROUPS, channels)
