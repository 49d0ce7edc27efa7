"""Linear attention over space (appendix A)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LinearAttention(nn.Module):
    """Attention over space at linear cost, 4 heads of 16 dimensions, added to its input."""

    HEADS, DIMENSIONS = 4, 16

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = self.HEADS * self.DIMENSIONS
        self.norm = ChannelNorm(channels)
        self.queries_keys_values = nn.Conv2d(channels, 3 * inner, 1, bias=False)
        self.output = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        """Return (batch, channels, height, width), as ``x``."""
        batch, _, height, width = x.shape
        projected = self.queries_keys_values(self.norm(x))
        heads = projected.view(batch, 3, self.HEADS, self.DIMENSIONS, height * width)
        queries, keys, values = heads.unbind(1)
        summary = keys.softmax(-1) @ values.transpose(-1, -2)
        mixed = summary.transpose(-1, -2) @ (queries * self.DIMENSIONS**-0.5)
        return x + self.output(mixed.reshape(batch, -1, height, width))


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel, with a gain and bias per channel."""

    EPSILON = 1e-5

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        """Return (batch, channels, height, width), as ``x``."""
        variance, mean = torch.var_mean(x, dim=1, correction=0, keepdim=True)
        normalised = (x - mean) * torch.rsqrt(variance + self.EPSILON)
        return normalised * self.gain[:, None, None] + self.bias[:, None, None]
