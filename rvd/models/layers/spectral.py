"""Spectral normalisation and conditional batch normalisation of GANs."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from rvd.models.layers.gaussian import precise
from rvd.models.layers.moments import batch_moments

EPSILON = 1e-4
# The weight of a batch in the running moments.
MOMENTUM = 0.1


def spectrally_normalised(module: nn.Module) -> None:
    """Initialise all weights of ``module`` orthogonally and give them spectral normalisation."""
    for layer in list(module.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.Conv3d):
            nn.init.orthogonal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            spectral_norm(layer, eps=EPSILON)


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation with a gain and an offset that depend linearly on a vector.

    In training its moments are those of the whole batch over all processes, so that several train
    as one. In evaluation they are running moments, so that a forecast does not depend on the other
    clips of its batch.

    Args:
        channels: Number of channels of the input.
        condition: Length of the vector.
    """

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.gain = nn.Linear(condition, channels, bias=False)
        self.offset = nn.Linear(condition, channels, bias=False)
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(
        self, x: Float[Tensor, "row channels h w"], condition: Float[Tensor, "row condition"]
    ) -> Float[Tensor, "row channels h w"]:
        """Return (row, channels, h, w).

        Args:
            x: Input (row, channels, h, w).
            condition: Vector of each row (row, condition).
        """
        mean, variance = self.mean, self.variance
        if self.training:
            mean, variance = batch_moments(precise(x), (0, 2, 3))
            with torch.no_grad():
                self.mean.lerp_(mean, MOMENTUM)
                self.variance.lerp_(variance, MOMENTUM)
        scale = (1 + self.gain(condition)) * (variance + EPSILON).rsqrt()
        shift = self.offset(condition) - mean * scale
        return x * scale[:, :, None, None] + shift[:, :, None, None]
