"""The generator: RVD's denoiser with noise in place of the diffusion step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rvd.models.layers.step_embedding import ScaleShift
from rvd.models.rvd.networks import Condition, ConditionedUNet

# Standard deviation of the last layer's initial weights, so that first forecasts are close to μ.
OUTPUT_DEVIATION = 0.02


class NoiseEmbedding(nn.Sequential):
    """Two linear layers: (batch, vector) → (batch, width)."""

    def __init__(self, vector: int, width: int) -> None:
        super().__init__(nn.Linear(vector, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


class Generator(ConditionedUNet):
    """A residual of the next frame, given μ, the context and noise.

    The noise vector scales and shifts the channels of every block, so that it acts on the whole
    frame; the noise map is a channel of the input, so that it acts pixel by pixel.

    Args:
        channels: Number of channels of a frame.
        vector: Length of the noise vector; 0 for none.
        noise_map: True for a noise map.
        width: Width of the noise embedding.
        widths: Number of channels at each level, also of the context.
    """

    def __init__(
        self, channels: int, vector: int, noise_map: bool, width: int, widths: Sequence[int]
    ) -> None:
        # Without a vector the embedding is that of a constant.
        embedding = NoiseEmbedding(max(vector, 1), width)
        super().__init__(embedding, channels + int(noise_map), channels, width, widths, ScaleShift)
        last = self.output[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.normal_(last.weight, std=OUTPUT_DEVIATION)
        assert last.bias is not None
        nn.init.zeros_(last.bias)

    def generate(
        self,
        mean: Float[Tensor, "row channel h w"],
        vector: Float[Tensor, "row length"],
        noise_map: Float[Tensor, "row map h w"],
        condition: Condition,
    ) -> Float[Tensor, "row channel h w"]:
        """Return a residual per row, in units of σ.

        Args:
            mean: μ (row, channel, h, w) in [−1, 1].
            vector: Noise vector of each row; zeros (row, 1) for a model without one.
            noise_map: Noise map of each row; (row, 0, h, w) for a model without one.
            condition: Result of :meth:`condition` for each row.
        """
        return self(torch.cat([mean, noise_map], 1), self.embedding(vector), condition)
