"""The learning rate at each step."""

from __future__ import annotations

import math

from rvd.config.training import LearningRateConfig


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
