"""Forecasts of stored clips: the same steps for test videos, validation and videos of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from rvd.errors import UserError
from rvd.models.base import VideoPredictor
from rvd.models.interface import require_forecast
from rvd.models.noise import seeded_noise
from rvd.models.registry import package_of
from rvd.runtime.device import autocast
from rvd.video.clips import FixedClip, read_clip
from rvd.video.file import Split
from rvd.video.ranges import stored_to_unit


def read_clips(split: Split, clips: Iterable[FixedClip], length: int) -> NDArray[Any]:
    """Read clips of ``length`` frames, as they are stored.

    Args:
        split: Split of an open video file.
        clips: Positions; at least one.
        length: Frames per clip.

    Returns:
        (clip, frame, channel, height, width), uint8 or float32 in [0, 1].
    """
    return np.stack([read_clip(split, clip.position, length) for clip in clips])


def forecast_clips(
    predictor: VideoPredictor,
    context: Tensor,
    horizon: int,
    ensemble: int,
    seeds: Sequence[int],
    device: torch.device,
    *,
    precision: str = "float32",
    check_finite: bool = True,
    **options: Any,
) -> Float[Tensor, "clip member future channel height width"]:
    """Forecast clips, each with its own seed.

    Args:
        predictor: Model in evaluation mode, on ``device``.
        context: (clip, frame, channel, height, width), known frames as stored: uint8, or float32
            in [0, 1].
        horizon: Frames to forecast.
        ensemble: Members per clip.
        seeds: One seed per clip.
        device: Device that computes.
        precision: ``float32``, or ``bfloat16`` for convolutions and matrix products.
        check_finite: Raise an error where a value is not finite.
        options: Further arguments of ``predictor.predict``.

    Returns:
        Frames in [0, 1], float32, on the CPU.

    Raises:
        UserError: A value is not finite, or the model of a plug-in breaks the interface.
    """
    given = stored_to_unit(context).to(device)
    noise = seeded_noise(seeds, device)
    with autocast(device, precision):
        forecast = predictor.predict(given, horizon, ensemble, noise, **options)
    if package := package_of(predictor.config):
        shape = (len(context), ensemble, horizon, *context.shape[2:])
        require_forecast(forecast, shape, predictor.config, package, check_finite=check_finite)
    if check_finite and not torch.isfinite(forecast).all():
        raise UserError("a forecast is not finite; was the model's training sound?")
    return forecast.float().cpu()
