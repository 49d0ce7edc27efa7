"""Adversarial training: generators with critics, their losses, and a measure of collapse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.config.section import Section
from rvd.models.base import VideoPredictor

Score = Float[Tensor, "..."]
Clips = Float[Tensor, "batch ..."]
Frames = Float[Tensor, "batch frame channel height width"]

CRITICS = "critics"


class AdversarialPredictor(VideoPredictor):
    """A ``generator`` that forecasts, and the ``critics`` (one or several) that it is trained by.

    All critics share one Adam. Adam treats each weight separately, so this equals one optimiser per
    critic, and fake frames are generated once for all.
    """

    generator: nn.Module
    critics: nn.Module

    def __init__(self, config: Section, size: int, channels: int) -> None:
        super().__init__(config, size, channels)
        self.register_load_state_dict_pre_hook(rename_critics)

    @property
    def players(self) -> Mapping[str, nn.Module]:
        """The generator, and all critics as one player."""
        return {"generator": self.generator, CRITICS: self.critics}

    @property
    def training_only(self) -> tuple[str, ...]:
        """The critics, which forecasts do not need."""
        return (CRITICS,)


def rename_critics(module: nn.Module, tensors: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """Rename the critics' tensors in a checkpoint that has them under another name.

    Earlier versions named that submodule differently. The name is the only one in the checkpoint
    that the model does not have, so that no list of old names is needed.

    Args:
        module: The predictor, which has all its submodules.
        tensors: A state dict, changed in place.
        prefix: Prefix of the predictor's names in it: ``module.`` in a moving average.
    """
    own = {name for name, _ in [*module.named_children(), *module.named_buffers(recurse=False)]}
    found = {name[len(prefix) :].split(".")[0] for name in tensors if name.startswith(prefix)}
    unknown = found - own
    if len(unknown) != 1 or CRITICS in found or CRITICS not in own:
        return
    old, new = f"{prefix}{unknown.pop()}.", f"{prefix}{CRITICS}."
    for name in [name for name in tensors if name.startswith(old)]:
        tensors[new + name[len(old) :]] = tensors.pop(name)


def least_squares(score: Score, wanted: float) -> Tensor:
    """Return the LSGAN loss: the mean squared distance of scores from 1 (real) or 0 (fake)."""
    return (score - wanted).square().mean()


def hinge(real: Score, fake: Score) -> Tensor:
    """Return the critic's hinge loss: real scores above 1 and fake ones below −1 cost nothing."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def gradient_penalty(critic: Callable[[Clips], Score], between: Clips) -> Tensor:
    """Return the mean of (‖∇D(x)‖ − 1)² (WGAN-GP, equation 3).

    Args:
        critic: Function from clips to one score per clip.
        between: Points on the lines from real to fake clips, one per clip.

    Returns:
        A scalar that is differentiable with respect to the critic's weights.
    """
    between = between.detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    # The norm of a slope of zero has no derivative; the offset is negligible near 1.
    norm = (slope.float().flatten(1).square().sum(1) + 1e-12).sqrt()
    return (norm - 1).square().mean()


@torch.no_grad()
def diversity(fake: Frames, real: Frames) -> Tensor:
    """Return the spread of forecasts over clips and frames, relative to the spread of the truth.

    The ratio of standard deviations, averaged over pixels: near 0 when the generator has collapsed
    to one picture, 1 when its forecasts vary as the truth does.
    """

    def spread(frames: Tensor) -> Tensor:
        return frames.float().flatten(0, 1).std(0, correction=0).mean()

    return spread(fake) / spread(real).clamp_min(1e-6)
