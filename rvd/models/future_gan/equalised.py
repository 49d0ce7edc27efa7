"""Equalised learning rates: weights of one initial scale, which each layer rescales when used.

Karras et al., "Progressive Growing of GANs", section 4.1. The scale follows from the layer's shape,
so it is not stored.
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
        _initialise(self)
        self.factor = math.sqrt(2 / self.weight[0].numel())

    def forward(self, x: Float[Tensor, "row in t h w"]) -> Float[Tensor, "row out T H W"]:
        """Return (row, out, …) from (row, in, time, height, width)."""
        return self._conv_forward(x, self.weight * self.factor, self.bias)


class EqualisedTransposedConv(nn.ConvTranspose3d):
    """A transposed 3-D convolution without overlap, scaled in the same way.

    Each output depends on one position per input channel: the stride is the kernel size, or the
    input has length one where the kernel is longer.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: Any) -> None:
        super().__init__(channels_in, channels_out, kernel, stride=kernel)
        _initialise(self)
        self.factor = math.sqrt(2 / channels_in)

    def forward(  # type: ignore[override]  # no output size is given
        self, x: Float[Tensor, "row in t h w"]
    ) -> Float[Tensor, "row out T H W"]:
        """Return (row, out, …) from (row, in, time, height, width)."""
        return F.conv_transpose3d(x, self.weight * self.factor, self.bias, self.stride)


class EqualisedLinear(nn.Linear):
    """A linear layer scaled in the same way, without the gain for a ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        _initialise(self)
        self.factor = math.sqrt(1 / inputs)

    def forward(self, x: Float[Tensor, "row in"]) -> Float[Tensor, "row out"]:
        """Return (row, outputs) from (row, inputs)."""
        return F.linear(x, self.weight * self.factor, self.bias)


class PixelNorm(nn.Module):
    """Normalisation of the channels at each position to a mean square of 1."""

    def forward(self, x: Float[Tensor, "row c t h w"]) -> Float[Tensor, "row c t h w"]:
        """Return (row, channel, time, height, width), as ``x``."""
        return x * (x.square().mean(1, keepdim=True) + EPSILON).rsqrt()


def _initialise(layer: nn.Conv3d | nn.ConvTranspose3d | nn.Linear) -> None:
    nn.init.normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
