"""Long forecasts by models that see a window of frames and predict the next few."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Frames = Float[Tensor, "row frame channel height width"]


def roll_out(
    context: Frames, horizon: int, window: int, following: Callable[[Frames], Frames]
) -> Frames:
    """Predict some frames, append them, and go on from the last ``window``, cut to ``horizon``.

    Args:
        context: the known frames, ``window`` or more, in any range.
        horizon: how many frames to forecast.
        window: how many frames ``following`` sees.
        following: the last ``window`` frames → the frames after them, one or several.

    Returns:
        ``horizon`` frames, each fed back as ``following`` gave it.
    """
    frames = context
    while frames.shape[1] < context.shape[1] + horizon:
        frames = torch.cat([frames, following(frames[:, -window:])], 1)
    return frames[:, context.shape[1] :][:, :horizon]
