"""Forecasts of one's own videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import imageio.v3 as iio
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from rvd.datasets.folder.config import Crop
from rvd.datasets.folder.reader import read_frames
from rvd.datasets.reading.frames import Unreadable
from rvd.errors import UserError
from rvd.files import atomic_write
from rvd.forecasting.arguments import as_frames, at_least
from rvd.models.base import VideoPredictor
from rvd.models.noise import seeded_noise
from rvd.runtime.device import best_device
from rvd.runtime.progress import progress
from rvd.video.pictures import to_picture

FORMATS = (".h5", ".gif", ".mp4")
GAP = 2  # pixels between the pictures of a film
SMALLEST = 128  # pixels: smaller frames are enlarged by a whole number


def read_video(
    path: Path | str, size: int, channels: int, crop: Crop = "center", stride: int = 1
) -> UInt8[NDArray[Any], "frame size size channel"]:
    """The frames of a film, a GIF or a folder of pictures, as a model takes them.

    Args:
        path: of the film, or the folder.
        size: height and width of the model's frames.
        channels: 1 (grey) or 3.
        crop: ``center`` (the largest square), ``none`` (the whole frame, stretched to a square), or
            (left, top, width, height) in pixels.
        stride: every how many-th frame is kept.

    Raises:
        UserError: it is missing or cannot be read, its frames differ in size, or an argument is
            not one of those above.
    """
    at_least(1, size=size, stride=stride)
    if channels not in (1, 3):
        raise UserError(f"channels: must be 1 (grey) or 3 (given {channels!r})")
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder")
    try:
        return read_frames(path, size, channels, crop, stride)
    except Unreadable as error:
        raise UserError(f"{path}: cannot be read: {error}") from None


def forecast(
    model: VideoPredictor,
    video: NDArray[Any] | Tensor,
    horizon: int,
    ensemble: int,
    seed: int = 0,
    *,
    context: int = 4,
    batch: int = 4,
) -> Float[NDArray[Any], "member future size size channel"]:
    """Draw futures of a video, on the GPU if there is one.

    Args:
        model: from :func:`rvd.load`.
        video: array or tensor of (frame, size, size, channel), of (frame, channel, size, size), or,
            for one channel, of (frame, size, size); uint8 in 0…255, or floating point in [0, 1].
            Its last frames are given to the model.
        horizon: how many frames to forecast.
        ensemble: how many futures to draw.
        seed: of all randomness. A member depends on it and on its own number alone.
        context: how many frames are given to the model.
        batch: how many members are drawn together.

    Returns:
        Frames in [0, 1], float32.

    Raises:
        UserError: the video is too short for the context, or not of the model's size and channels,
            or of another type or range; or a number is not positive (a seed: negative).
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
    drawn = []
    with progress(ensemble, "forecast", "member") as bar:
        for first in range(0, ensemble, batch):
            members = range(first, min(first + batch, ensemble))
            seeds = [_member_seed(seed, member) for member in members]
            rows = given.expand(len(members), *given.shape)
            drawn.append(model.predict(rows, horizon, 1, seeded_noise(seeds, device))[:, 0].cpu())
            bar.update(len(members))
    samples = torch.cat(drawn)
    if not torch.isfinite(samples).all():
        raise UserError("the forecast is not finite; was the model's training sound?")
    return samples.permute(0, 1, 3, 4, 2).numpy()


def _member_seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)


def check_format(path: Path) -> None:
    """Refuse an output of a kind that is not known, before any work is done.

    Raises:
        UserError: naming the kinds that are.
    """
    if path.suffix not in FORMATS:
        raise UserError(f"{path}: the output must end in one of {', '.join(FORMATS)}")


def write_forecast(
    path: Path, context: NDArray[Any], samples: NDArray[np.float32], frame_rate: float
) -> None:
    """Write futures as data (``.h5``) or as a film (``.gif``, ``.mp4``), members side by side.

    Args:
        path: of the file.
        context: (frame, height, width, channel), uint8 or float32 in [0, 1].
        samples: (member, future, height, width, channel) in [0, 1].
        frame_rate: of the film, frames per second.

    Raises:
        UserError: it cannot be written, or is of another kind.
    """
    check_format(path)
    with atomic_write(path) as partial:
        if path.suffix == ".h5":
            with h5py.File(partial, "w") as file:
                file.create_dataset("context", data=context)
                file.create_dataset("samples", data=samples, compression="gzip", shuffle=True)
                file.attrs["frame_rate"] = frame_rate
            return
        film = _film(context, samples)
        how: dict[str, Any] = (
            {"duration": 1000 / frame_rate, "loop": 0}
            if path.suffix == ".gif"
            else {"plugin": "pyav", "codec": "libx264", "fps": frame_rate}
        )
        encoded = iio.imwrite("<bytes>", film, extension=path.suffix, **how)
        assert isinstance(encoded, bytes)
        partial.write_bytes(encoded)


def _film(context: NDArray[Any], samples: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(frame, height, width, 3): the context in every column, then each member in its own."""
    known = to_picture(context, signed=False)
    columns = [np.concatenate([known, to_picture(member, signed=False)]) for member in samples]
    factor = -(-SMALLEST // samples.shape[2])
    columns = [column.repeat(factor, 1).repeat(factor, 2) for column in columns]
    gap = np.full((*columns[0].shape[:2], GAP, 3), 255, np.uint8)
    parts = [part for column in columns for part in (column, gap)][:-1]
    film = np.concatenate(parts, 2)
    # Films in their usual colours need even heights and widths.
    odd = [(0, 0), (0, film.shape[1] % 2), (0, film.shape[2] % 2), (0, 0)]
    return np.pad(film, odd, constant_values=255)
