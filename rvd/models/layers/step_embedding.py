"""Embeddings of the diffusion step."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.layers.convolution import SLOPE


class StepEmbedding(nn.Module):
    """Sinusoids of the diffusion step, then two linear layers: (batch,) → (batch, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        frequencies = torch.exp(
            torch.arange(half, dtype=torch.float64) * -(math.log(10000) / (half - 1))
        )
        self.frequencies: Tensor
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.layers = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, step: Int[Tensor, " batch"]) -> Float[Tensor, "batch width"]:
        """Return the embedding of each step, counted from 0."""
        angles = step[:, None].double() * self.frequencies[None]
        dtype = next(self.layers.parameters()).dtype
        return self.layers(torch.cat([angles.sin(), angles.cos()], 1).to(dtype))


class StepShift(nn.Module):
    """The shift of each channel by the step: x + Linear(LeakyReLU(embedding))."""

    def __init__(self, embedding: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(embedding, channels)

    def forward(
        self, x: Float[Tensor, "row c h w"], embedding: Float[Tensor, "_rows width"]
    ) -> Float[Tensor, "row c h w"]:
        """Return (row, channels, h, w); one embedding may serve all rows."""
        return x + self.linear(F.leaky_relu(embedding, SLOPE))[:, :, None, None]


class ScaleShift(nn.Module):
    """Scale and shift of each channel: x·(1 + s) + b, with s and b linear in LeakyReLU(embedding).

    A scale is needed where the embedding has to reach the output: the next group normalisation
    removes most of a shift, since it is equal at all pixels.
    """

    def __init__(self, embedding: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(embedding, 2 * channels)

    def forward(
        self, x: Float[Tensor, "row c h w"], embedding: Float[Tensor, "_rows width"]
    ) -> Float[Tensor, "row c h w"]:
        """Return (row, channels, h, w); one embedding may serve all rows."""
        scale, shift = self.linear(F.leaky_relu(embedding, SLOPE))[:, :, None, None].chunk(2, 1)
        return x * (1 + scale) + shift


# (width of the embedding, channels) → module of (x, embedding).
Modulation = Callable[[int, int], nn.Module]
