"""Checks that a model from another package keeps the interface of a predictor."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rvd.errors import UserError

# Arithmetic in half precision leaves [0, 1] by rounding.
ROUNDING = 1e-3


def require_forecast(
    forecast: Any, shape: tuple[int, ...], config: Any, package: str, *, check_finite: bool = True
) -> None:
    """Refuse a forecast that :meth:`~rvd.models.base.VideoPredictor.predict` must not return.

    Args:
        forecast: Value that ``predict`` returned.
        shape: Expected (clip, member, future, channel, height, width).
        config: Section of the model.
        package: Package of the model.
        check_finite: Refuse values that are not finite.

    Raises:
        UserError: The forecast is no tensor of floats, or has another shape, or values that are not
            finite or outside [0, 1].
    """
    if fault := _fault(forecast, shape, check_finite):
        raise UserError(
            f"package '{package}': predict of the kind '{config.kind}' returned {fault}, expected "
            f"(clip, member, frame, channel, height, width) = {shape} of floats in [0, 1]"
        )


def require_losses(losses: Any, config: Any, package: str) -> None:
    """Refuse losses that :meth:`~rvd.models.base.VideoPredictor.forward` must not return.

    Args:
        losses: Value that ``forward`` returned.
        config: Section of the model.
        package: Package of the model.

    Raises:
        UserError: They are not scalars by name with one that is named ``loss``.
    """
    if not isinstance(losses, dict) or "loss" not in losses:
        fault = f"{sorted(losses)}" if isinstance(losses, dict) else type(losses).__name__
    elif faulty := [n for n, v in losses.items() if not isinstance(v, Tensor) or v.numel() != 1]:
        fault = f"a '{faulty[0]}' that is not a scalar"
    else:
        return
    raise UserError(
        f"package '{package}': forward of the kind '{config.kind}' returned {fault}, expected "
        "scalar losses by name, among them 'loss'"
    )


def _fault(forecast: Any, shape: tuple[int, ...], check_finite: bool) -> str | None:
    """Return what is wrong with a forecast, or None."""
    if not isinstance(forecast, Tensor):
        return f"{type(forecast).__name__}"
    if not forecast.is_floating_point():
        return f"values of {forecast.dtype}"
    if tuple(forecast.shape) != shape:
        return f"the shape {tuple(forecast.shape)}"
    if check_finite and not torch.isfinite(forecast).all():
        return "values that are not finite"
    # Comparisons with NaN are false.
    if ((forecast < -ROUNDING) | (forecast > 1 + ROUNDING)).any():
        return f"values from {float(forecast.min()):g} to {float(forecast.max()):g}"
    return None
