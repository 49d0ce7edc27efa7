"""A tiny model of each trained kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import TypeAdapter

from rvd.models.base import VideoPredictor
from rvd.models.registry import Model, build


def section(values: dict[str, Any], size: int, **training: Any) -> Any:
    """Return a model's section of the config, with a short training at ``size``."""
    defaults = {
        "context": 4,
        "future": 4,
        "steps": 6,
        "batch": {size: 2},
        "learning_rate": {"initial": 1e-3},
        "checkpoint_every": 2,
        "validate_every": 4,
        "journal_every": 1,
    }
    adapter: TypeAdapter[Any] = TypeAdapter(Model)
    return adapter.validate_python(values | {"training": defaults | training})


def built(config: Any, size: int, channels: int = 1, seed: int = 0) -> VideoPredictor:
    """Return the model with the initial weights of ``seed``."""
    torch.manual_seed(seed)
    return build(config, size, channels)


def as_built(model: VideoPredictor) -> None:
    """Leave the initial weights."""


def has_seen_clips(model: VideoPredictor) -> None:
    """Run one training pass, for running moments other than 0 and 1."""
    training = model.config.training
    frames = training.context + training.future
    model(torch.rand(2, frames, model.channels, model.size, model.size))


def awake(model: VideoPredictor) -> VideoPredictor:
    """Return an IVRNN whose distributions depend on its input, as they do after training."""
    for hierarchy in (model.prior, model.posterior):
        for output in hierarchy.outputs:
            torch.nn.init.ones_(output[-1].weight)
    return model


@dataclass(frozen=True)
class Tiny:
    """A small model of one kind, for frames of ``size`` pixels, with its own ``training`` settings.

    ``readied`` changes an untrained model so that all its inputs affect a forecast.
    """

    values: dict[str, Any]
    size: int = 16
    training: dict[str, Any] = field(default_factory=dict)
    stochastic: bool = True
    readied: Callable[[VideoPredictor], Any] = as_built

    def section(self, size: int | None = None, **training: Any) -> Any:
        """Return the config's section, for frames of ``size`` instead of the default."""
        return section(self.values, size or self.size, **self.training | training)

    def model(self, size: int | None = None, channels: int = 1) -> VideoPredictor:
        """Return the model, ready to forecast."""
        model = built(self.section(size), size or self.size, channels)
        self.readied(model)
        return model


RESIDUAL = {"width": 8, "denoiser_multipliers": [1, 2], "transform_multipliers": [1, 2]}
TINY = {
    "rvd": Tiny(
        {
            "kind": "rvd",
            "networks": dict.fromkeys((16, 64, 128), RESIDUAL),
            "diffusion_steps": 10,
            "objective": {"sigma": 0.5},
            "sampler": {"method": "ddim", "steps": 2},
        },
        training={"context": 2, "future": 2},
    ),
    "crps": Tiny(
        {
            "kind": "crps",
            "networks": dict.fromkeys((16, 64, 128), RESIDUAL),
            "noise": {"vector": 4, "map": True},
            "roll_out": {"frames": 2, "start": 0.6},
        },
        training={"context": 2, "future": 2},
    ),
    "svg-lp": Tiny(
        {
            "kind": "svg-lp",
            "networks": {
                16: {"widths": [8, 8], "depths": [2, 2]},
                64: {"widths": [8, 8, 8, 8], "depths": [2, 2, 3, 3]},
                128: {"widths": [8, 8, 8, 8], "depths": [2, 2, 3, 3]},
            },
            "features": 8,
            "state_width": 8,
            "latent_channels": 2,
            "normalisation": "group",
            "divergence_weight": 1e-3,
        },
        training={"context": 2, "future": 2},
    ),
    "ivrnn": Tiny(
        {
            "kind": "ivrnn",
            "networks": {
                16: {"widths": [16, 16, 16, 32], "latents": {1: 2, 8: 3}},
                64: {"widths": [16, 16, 16, 16, 16, 32], "latents": {1: 2, 8: 3, 32: 4}},
                128: {
                    "widths": [16, 16, 16, 16, 16, 16, 32],
                    "latents": {1: 2, 16: 3, 64: 4},
                    "context_kernels": {8: 3},
                },
            },
            "divergence_warmup": 4,  # under way when a training is interrupted
        },
        training={"future": 2, "weight_decay": 1e-4},
        readied=awake,
    ),
    "retrospective-cycle-gan": Tiny(
        {
            "kind": "retrospective-cycle-gan",
            "width": 4,
            "residual_blocks": 1,
            "critic_widths": [4, 8],
        },
        training={"future": 1},
        stochastic=False,
    ),
    "dvd-gan": Tiny(
        {
            "kind": "dvd-gan",
            "width": 2,
            "latent": 4,
            "multipliers": [2, 2, 1],
            "critic_multipliers": [1, 2, 2],
        },
        size=32,
        readied=has_seen_clips,
    ),
    "future-gan": Tiny(
        {
            "kind": "future-gan",
            "levels": {
                size: {"width": 4, "batch": 2, "fading": 2, "stable": 3}
                for size in (4, 8, 16, 32, 64, 128)
            },
        },
        training={"steps": 40},
        stochastic=False,
    ),
}

# For tests that trace operations, whose time grows with the number of layers and frames.
FEWER = {"recurrent_multipliers": [1], "recurrent_kernels": [3], "judged_frames": 2}
TRACED = TINY | {
    "dvd-gan": Tiny(
        TINY["dvd-gan"].values | FEWER,
        size=32,
        training={"context": 2, "future": 2},
        readied=has_seen_clips,
    ),
    "ivrnn": Tiny(TINY["ivrnn"].values, training={"context": 2, "future": 2}, readied=awake),
}
