"""Embeddings of the diffusion step."""

from __future__ import annotations

import math

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
    """The shift of each channel by the step: Linear(LeakyReLU(embedding))."""

    def __init__(self, embedding: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(embedding, channels)

    def forward(self, embedding: Float[Tensor, "batch width"]) -> Float[Tensor, "batch c 1 1"]:
        """Return (batch, channels, 1, 1)."""
        return self.linear(F.leaky_relu(embedding, SLOPE))[:, :, None, None]
