"""Normal distributions with a diagonal covariance: the latent variables of the recurrent models."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gaussian:
    """Independent normal distributions, one for each entry of ``mean`` and ``log_variance``."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """What standard normal ``noise`` becomes: differentiable in mean and variance."""
        return self.mean + (self.log_variance / 2).exp() * noise

    def log_density(self, value: Tensor) -> Tensor:
        """The logarithm of the density of each entry at ``value``, nats."""
        squared = (value - self.mean).square() * (-self.log_variance).exp()
        return -(squared + self.log_variance + math.log(2 * math.pi)) / 2

    def divergence(self, other: Gaussian) -> Tensor:
        """KL(self ‖ other) of each entry, nats."""
        difference = self.log_variance - other.log_variance
        squared = (self.mean - other.mean).square() * (-other.log_variance).exp()
        return (difference.exp() + squared - 1 - difference) / 2


def precise(parameter: Tensor) -> Tensor:
    """In float32 at least: densities, whose small differences count, are too coarse in bfloat16."""
    return parameter.to(torch.promote_types(parameter.dtype, torch.float32))
