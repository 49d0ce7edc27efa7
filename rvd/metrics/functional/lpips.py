"""LPIPS (Zhang et al., 2018): the distance of images in the layers of a trained network."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

BATCH = 64  # frames at once


@torch.inference_mode()
def perceptual_distance(
    network: nn.Module,
    ensemble: Float[Tensor, "member frame channel height width"],
    truth: Float[Tensor, "frame channel height width"],
) -> Float[Tensor, "member frame"]:
    """Return LPIPS of each member's frames; smaller is better, 0 for equal frames.

    Grey frames are repeated to RGB.

    Args:
        network: LPIPS, from :func:`rvd.metrics.networks.lpips.load_lpips`.
        ensemble: Forecasts in [0, 1], grey or colour.
        truth: Recorded frames in [0, 1].
    """
    device = next(network.parameters()).device
    forecast = ensemble.flatten(0, 1).to(device)
    truths = truth.expand_as(ensemble).flatten(0, 1).to(device)
    values = [
        network(_colour(part), _colour(other), normalize=True).flatten()
        for part, other in zip(forecast.split(BATCH), truths.split(BATCH), strict=True)
    ]
    return torch.cat(values).cpu().unflatten(0, ensemble.shape[:2])


def _colour(frames: Tensor) -> Tensor:
    return frames.expand(-1, 3, -1, -1)
