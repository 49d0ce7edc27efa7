"""Convolutions with normalisation and activation, and changes of resolution (appendix A)."""

from __future__ import annotations

from torch import nn

GROUPS = 8
SLOPE = 0.2


class Convolution(nn.Sequential):
    """3×3 convolution, group normalisation, LeakyReLU: (batch, in, h, w) → (batch, out, h, w)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, padding=1),
            nn.GroupNorm(GROUPS, channels_out),
            nn.LeakyReLU(SLOPE),
        )


def downsample(channels: int) -> nn.Conv2d:
    """Return a 3×3 convolution of stride 2, for half the height and width."""
    return nn.Conv2d(channels, channels, 3, stride=2, padding=1)


def upsample(channels: int) -> nn.ConvTranspose2d:
    """Return a 4×4 transposed convolution of stride 2, for twice the height and width."""
    return nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1)


def initialise_together(*convolutions: nn.Conv2d) -> None:
    """Initialise convolutions whose outputs are added as the one convolution that they stand for.

    PyTorch's default bounds weights and biases by 1/√(inputs per output), where the inputs here are
    those of all convolutions.
    """
    inputs = sum(convolution.weight[0].numel() for convolution in convolutions)
    for convolution in convolutions:
        nn.init.uniform_(convolution.weight, -(inputs**-0.5), inputs**-0.5)
        if convolution.bias is not None:
            nn.init.uniform_(convolution.bias, -(inputs**-0.5), inputs**-0.5)
