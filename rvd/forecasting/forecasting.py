"""Forecasts of videos of one's own."""

from __future__ import annotations

from typing import Any, Literal

import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from rvd.errors import UserError
from rvd.forecasting.arguments import as_frames, at_least
from rvd.forecasting.clips import forecast_clips
from rvd.models.base import VideoPredictor
from rvd.models.noise import derived_seed
from rvd.runtime.device import best_device
from rvd.runtime.progress import progress


def forecast(
    model: VideoPredictor,
    video: NDArray[Any] | Tensor,
    horizon: int,
    ensemble: int,
    seed: int = 0,
    *,
    context: int = 4,
    batch: int = 4,
    precision: Literal["float32", "bfloat16"] = "float32",
) -> Float[NDArray[Any], "member future size size channel"]:
    """Sample futures of a video, on the GPU if there is one.

    Args:
        model: Model from :func:`rvd.load`.
        video: Array or tensor of (frame, size, size, channel), of (frame, channel, size, size), or,
            for one channel, of (frame, size, size); uint8 in 0…255, or floating point in [0, 1].
            Its last frames are given to the model.
        horizon: Number of frames to forecast.
        ensemble: Number of futures.
        seed: Seed of all randomness. A member depends on it and on its own number alone.
        context: Number of frames given to the model.
        batch: Number of members that are sampled together.
        precision: Arithmetic; ``bfloat16`` applies to convolutions and matrix products only.

    Returns:
        Frames in [0, 1], float32.

    Raises:
        UserError: The video is too short for the context, or not of the model's size and channels,
            or of another type or range; a number is not positive (a seed: negative); or the
            forecast is not finite.
    """
    at_least(1, horizon=horizon, ensemble=ensemble, context=context, batch=batch)
    at_least(0, seed=seed)
    if not isinstance(model, VideoPredictor):
        raise UserError(f"model: must be what rvd.load returns, not {type(model).__name__}")
    frames = as_frames(video, model.size, model.channels)
    if len(video) < context:
        raise UserError(
            f"the video has {len(video)} frames, fewer than the {context} of the context"
        )
    config: Any = model.config
    if hasattr(config, "why_not_context") and (problem := config.why_not_context(context)):
        raise UserError(f"context: {problem}")
    device = best_device()
    model = model.to(device).eval()
    given = torch.from_numpy(frames[-context:]).permute(0, 3, 1, 2).to(device)
    samples = []
    with progress(ensemble, "forecast", "member") as bar:
        for first in range(0, ensemble, batch):
            members = range(first, min(first + batch, ensemble))
            seeds = [derived_seed(seed, member) for member in members]
            # Each member is a clip with a seed of its own.
            clips = given.expand(len(members), *given.shape)
            found = forecast_clips(model, clips, horizon, 1, seeds, device, precision=precision)
            samples.append(found[:, 0])
            bar.update(len(members))
    return torch.cat(samples).permute(0, 1, 3, 4, 2).numpy()
