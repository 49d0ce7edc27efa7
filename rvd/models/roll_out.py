"""Long forecasts by models that see a window of frames and predict the next few."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Frames = Float[Tensor, "row _frame channel height width"]


def roll_out(
    context: Frames, horizon: int, window: int, following: Callable[[Frames], Frames]
) -> Frames:
    """Predict frames, append them, and repeat from the last ``window`` frames.

    Args:
        context: Known frames, at least ``window``, in any range.
        horizon: Number of frames to forecast.
        window: Number of frames that ``following`` sees.
        following: Function from the last ``window`` frames to the frames after them, one or
            several.

    Returns:
        ``horizon`` frames, each fed back as ``following`` returned it.
    """
    frames = context
    while frames.shape[1] < context.shape[1] + horizon:
        frames = torch.cat([frames, following(frames[:, -window:])], 1)
    return frames[:, context.shape[1] :][:, :horizon]
