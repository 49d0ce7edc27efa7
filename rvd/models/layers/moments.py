"""Mean and variance of a training batch that several processes share."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributed.nn.functional import all_reduce


def batch_moments(x: Tensor, dimensions: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return mean and variance over ``dimensions`` and all processes, so that several train as one.

    Args:
        x: Values, as many in every process; float32, since a difference of squares is taken.
        dimensions: Dimensions to average over, with the batch.
    """
    moments = torch.stack([x.mean(dimensions), x.square().mean(dimensions)])
    if torch.distributed.is_initialized():
        moments = all_reduce(moments) / torch.distributed.get_world_size()
    mean, square = moments
    return mean, (square - mean.square()).clamp_min(0)
