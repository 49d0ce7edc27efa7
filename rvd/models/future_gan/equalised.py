"""Equalised learning rates: weights begin alike, and each layer scales them as it uses them.

Karras et al., "Progressive Growing of GANs", section 4.1. The scale follows from the layer's shape,
so that nothing of it has to be stored.
"""

from __future__ import annotations

import math
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-8


class EqualisedConv(nn.Conv3d):
    """A 3-D convolution whose standard normal weights are scaled as He initialisation would."""

    def __init__(self, channels_in: int, channels_out: int, kernel: Any, **options: Any) -> None:
        super().__init__(channels_in, channels_out, kernel, **options)
        _begin(self)
        self.factor = math.sqrt(2 / self.weight[0].numel())

    def forward(self, x: Float[Tensor, "row in t h w"]) -> Float[Tensor, "row out T H W"]:
        """(row, in, time, height, width) → (row, out, …)."""
        return self._conv_forward(x, self.weight * self.factor, self.bias)


class EqualisedTransposedConv(nn.ConvTranspose3d):
    """A transposed 3-D convolution whose taps do not overlap, scaled likewise.

    Each output has one tap in each input channel: the stride is the kernel, or the input is one
    long where the kernel is longer.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: Any) -> None:
        super().__init__(channels_in, channels_out, kernel, stride=kernel)
        _begin(self)
        self.factor = math.sqrt(2 / channels_in)

    def forward(  # type: ignore[override]  # an output's size is not open
        self, x: Float[Tensor, "row in t h w"]
    ) -> Float[Tensor, "row out T H W"]:
        """(row, in, time, height, width) → (row, out, …)."""
        return F.conv_transpose3d(x, self.weight * self.factor, self.bias, self.stride)


class EqualisedLinear(nn.Linear):
    """A linear layer scaled likewise, without the gain for a ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        _begin(self)
        self.factor = math.sqrt(1 / inputs)

    def forward(self, x: Float[Tensor, "row in"]) -> Float[Tensor, "row out"]:
        """(row, inputs) → (row, outputs)."""
        return F.linear(x, self.weight * self.factor, self.bias)


class PixelNorm(nn.Module):
    """Scales the channels of each place to a mean square of 1."""

    def forward(self, x: Float[Tensor, "row c t h w"]) -> Float[Tensor, "row c t h w"]:
        """(row, channel, time, height, width), the same out."""
        return x * (x.square().mean(1, keepdim=True) + EPSILON).rsqrt()


def _begin(layer: nn.Conv3d | nn.ConvTranspose3d | nn.Linear) -> None:
    nn.init.normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
