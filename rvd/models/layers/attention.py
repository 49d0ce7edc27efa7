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
        normalised = self.norm(x)
        few = x.shape[1] < 2 * self.HEADS * self.DIMENSIONS
        return x + (self._of_few_channels(normalised) if few else self._mixed(normalised))

    def _mixed(self, x: Tensor) -> Tensor:
        """Return the heads' outputs, from queries, keys and values of each pixel."""
        batch, _, height, width = x.shape
        projected = self.queries_keys_values(x)
        heads = projected.view(batch, 3, self.HEADS, self.DIMENSIONS, height * width)
        queries, keys, values = heads.unbind(1)
        summary = keys.softmax(-1) @ values.transpose(-1, -2)
        mixed = summary.transpose(-1, -2) @ (queries * self.DIMENSIONS**-0.5)
        return self.output(mixed.reshape(batch, -1, height, width))

    def _of_few_channels(self, x: Tensor) -> Tensor:
        """Return the same, with only the keys computed for each pixel.

        Queries, values and output are linear, so their weights are multiplied with each other
        first. The result is a product of x with a matrix of channels by channels for each sample,
        which is faster where x has fewer channels than all heads together.
        """
        pixels = x.flatten(2)
        queries, keys, values = self.queries_keys_values.weight.view(
            3, self.HEADS, self.DIMENSIONS, -1
        )
        # Products of batches, because `@` with one matrix for all samples transposes its result.
        attention = torch.bmm(_for_each(keys.flatten(0, 1), pixels), pixels).softmax(-1)
        averages = torch.bmm(attention, pixels.transpose(1, 2)).unflatten(1, (self.HEADS, -1))
        summary = averages @ values.transpose(-1, -2)
        of_queries = summary.transpose(-1, -2) @ (queries * self.DIMENSIONS**-0.5)
        weight = _for_each(self.output.weight.flatten(1), pixels)
        matrix = torch.bmm(weight, of_queries.flatten(1, 2))
        assert self.output.bias is not None
        return torch.baddbmm(self.output.bias[:, None], matrix, pixels).view_as(x)


def _for_each(matrix: Tensor, samples: Tensor) -> Tensor:
    return matrix.expand(len(samples), -1, -1)


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel, with a gain and bias per channel."""

    EPSILON = 1e-5

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        """Return (batch, channels, height, width), as ``x``."""
        # Two means are faster than `var_mean` over a dimension that is not the last.
        centred = x - x.mean(1, keepdim=True)
        normalised = centred * torch.rsqrt(centred.square().mean(1, keepdim=True) + self.EPSILON)
        return normalised * self.gain[:, None, None] + self.bias[:, None, None]
