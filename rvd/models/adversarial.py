"""What generators and critics are trained by: losses of scores, and what tells how it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.base import VideoPredictor

Score = Float[Tensor, "..."]
Frames = Float[Tensor, "batch frame channel height width"]


class AdversarialPredictor(VideoPredictor):
    """A ``generator`` that forecasts, and ``judges`` (one critic or several) that it is trained by.

    One Adam moves all of the judges: it treats each weight for itself, so that it is as one for
    each of them, and frames are fake once for all.
    """

    generator: nn.Module
    judges: nn.Module

    @property
    def players(self) -> Mapping[str, nn.Module]:
        """The generator, and its critics as one."""
        return {"generator": self.generator, "critics": self.judges}

    @property
    def critics(self) -> tuple[str, ...]:
        """What forecasts do without."""
        return ("judges",)


def least_squares(score: Score, wanted: float) -> Tensor:
    """The LSGAN loss: squared distance of scores from 1 (real) or 0 (not), a number."""
    return (score - wanted).square().mean()


def hinge(real: Score, fake: Score) -> Tensor:
    """The critic's hinge loss: scores above 1 for real and below −1 for fake cost nothing."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def gradient_penalty(critic: Callable[[Frames], Score], between: Frames) -> Tensor:
    """How far the critic's slope is from 1: mean of (‖∇D(x)‖ − 1)² (WGAN-GP, equation 3).

    Args:
        critic: frames → a score a clip.
        between: points on the lines from real to fake clips, one a clip.

    Returns:
        A number, itself differentiable by the critic's weights.
    """
    between = between.detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    # The norm of a slope of zero has no derivative; float32 has room for the least of offsets.
    norm = (slope.float().flatten(1).square().sum(1) + 1e-12).sqrt()
    return (norm - 1).square().mean()


@torch.no_grad()
def diversity(fake: Frames, real: Frames) -> Tensor:
    """How much forecasts vary from clip to clip and frame to frame, over how much the truth does.

    The ratio of standard deviations, averaged over pixels: near 0 when the generator makes one
    picture of everything, 1 when its forecasts are as varied as the truth.
    """

    def spread(frames: Tensor) -> Tensor:
        return frames.float().flatten(0, 1).std(0, correction=0).mean()

    return spread(fake) / spread(real).clamp_min(1e-6)
