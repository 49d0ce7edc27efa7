"""Normal distributions with a diagonal covariance, of the recurrent models' latent variables."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gaussian:
    """Independent normal distributions, one per entry of ``mean`` and ``log_variance``."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Transform standard normal ``noise``, differentiably in mean and variance."""
        return self.mean + (self.log_variance / 2).exp() * noise

    def log_density(self, value: Tensor) -> Tensor:
        """Return the logarithm of each entry's density at ``value``, in nats."""
        squared = (value - self.mean).square() * (-self.log_variance).exp()
        return -(squared + self.log_variance + math.log(2 * math.pi)) / 2

    def divergence(self, other: Gaussian) -> Tensor:
        """Return KL(self ‖ other) of each entry, in nats."""
        difference = self.log_variance - other.log_variance
        squared = (self.mean - other.mean).square() * (-other.log_variance).exp()
        return (difference.exp() + squared - 1 - difference) / 2


def precise(parameter: Tensor) -> Tensor:
    """Convert to float32 at least, because bfloat16 is too coarse for differences of densities."""
    return parameter.to(torch.promote_types(parameter.dtype, torch.float32))
