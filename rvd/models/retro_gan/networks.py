"""The networks of Retrospective Cycle GAN: a generator of one frame, and critics of patches."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

SLOPE = 0.2
# Standard deviation of the initial weights, as in image-to-image GANs.
INITIAL_DEVIATION = 0.02


class Generator(nn.Sequential):
    """A generator of one frame, in [−1, 1], from frames stacked on channels.

    Args:
        channels_in: Number of channels of all known frames together.
        channels: Number of channels of a frame.
        width: Number of channels of the first convolution; the residual blocks, at a quarter of
            the height and width, have twice as many.
        blocks: Number of residual blocks.
    """

    def __init__(self, channels_in: int, channels: int, width: int, blocks: int) -> None:
        wide = 2 * width
        layers = [
            nn.ReflectionPad2d(3),
            *_normalised(nn.Conv2d(channels_in, width, 7)),
            *_normalised(nn.Conv2d(width, width, 3, stride=2, padding=1)),
            *_normalised(nn.Conv2d(width, wide, 3, stride=2, padding=1)),
            *(ResidualBlock(wide) for _ in range(blocks)),
            *_normalised(_upsample(wide, width)),
            *_normalised(_upsample(width, wide)),
            nn.ReflectionPad2d(3),
            nn.Conv2d(wide, channels, 7),
            nn.Tanh(),
        ]
        super().__init__(*layers)


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with instance normalisation, added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_normalised(nn.Conv2d(channels, channels, 3)),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, channels, height, width), as ``x``."""
        return x + self.layers(x)


class Critic(nn.Sequential):
    """A critic of patches by 4×4 convolutions of stride 2, with scores (batch, 1, h, w)."""

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(channels, widths[0], 4, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
        ]
        for narrow, wide in pairwise(widths):
            layers += [
                nn.Conv2d(narrow, wide, 4, stride=2, padding=1),
                nn.InstanceNorm2d(wide),
                nn.LeakyReLU(SLOPE),
            ]
        super().__init__(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))


def _normalised(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [convolution, nn.InstanceNorm2d(convolution.out_channels), nn.ReLU()]


def _upsample(channels_in: int, channels_out: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels_in, channels_out, 3, stride=2, padding=1, output_padding=1)


def initialise(module: nn.Module) -> None:
    """Initialise a convolution: weights N(0, 0.02), biases zero; other modules are unchanged."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=INITIAL_DEVIATION)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
