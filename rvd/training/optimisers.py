"""Adam: its learning rate at each step, and its state whether or not a CUDA graph reads it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from rvd.config.training import LearningRateConfig, TrainingConfig


def adam(
    parameters: Iterable[nn.Parameter], settings: TrainingConfig, *, graphed: bool = False
) -> torch.optim.Adam:
    """Return Adam over ``parameters``.

    Args:
        parameters: Weights, on the device of the training.
        settings: Settings of the training.
        graphed: Keep rate and step numbers on the device, so that a CUDA graph can read them.
    """
    own = list(parameters)
    rate: Any = settings.learning_rate.initial
    return torch.optim.Adam(
        own,
        lr=torch.tensor(rate, device=own[0].device) if graphed else rate,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        capturable=graphed,
        # One kernel for all operations of a weight.
        fused=not graphed,
    )


def learning_rate(settings: LearningRateConfig, step: int, steps: int) -> float:
    """Return the learning rate of the step numbered ``step`` (from 0) of ``steps``."""
    rate = settings.initial
    for drop, value in sorted(settings.drops.items()):
        if step >= drop:
            rate = value
    if step < settings.warmup:
        rate *= (step + 1) / settings.warmup
    if settings.decay_from is not None:
        start = settings.decay_from * steps
        if step > start:
            rate *= (1 + math.cos(math.pi * (step - start) / max(steps - start, 1))) / 2
    return rate


def set_rate(optimiser: Any, rate: float) -> None:
    """Set the learning rate; one that a graph reads is changed in place."""
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def optimiser_state(optimiser: Any) -> dict[str, Any]:
    """Return the state for a checkpoint: rates as numbers, and the same whatever computes it."""
    state = optimiser.state_dict()
    groups = [
        {**group, "lr": float(group["lr"]), "capturable": False, "fused": False}
        for group in state["param_groups"]
    ]
    return {**state, "param_groups": groups}


def load_optimiser(optimiser: Any, state: dict[str, Any]) -> None:
    """Load a state of :func:`optimiser_state`; the rate is the next step's to set."""
    now = optimiser.param_groups
    kept = [{key: group[key] for key in ("lr", "capturable", "fused")} for group in now]
    groups = [{**group, **own} for group, own in zip(state["param_groups"], kept, strict=True)]
    optimiser.load_state_dict({**state, "param_groups": groups})
