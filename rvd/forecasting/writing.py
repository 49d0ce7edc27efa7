"""Forecasts written as data or as a video to watch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from rvd.errors import UserError
from rvd.files import atomic_write
from rvd.video.pictures import to_picture

FORMATS = (".h5", ".gif", ".mp4")
GAP = 2  # pixels between the members of a video
SMALLEST = 128  # pixels: smaller frames are enlarged by a whole number


def check_format(path: Path) -> None:
    """Refuse an output of an unknown format, before any work is done.

    Raises:
        UserError: The suffix is none of :data:`FORMATS`.
    """
    if path.suffix not in FORMATS:
        raise UserError(f"{path}: the output must end in one of {', '.join(FORMATS)}")


def write_forecast(
    path: Path, context: NDArray[Any], samples: NDArray[np.float32], frame_rate: float
) -> None:
    """Write futures as data (``.h5``) or as a video (``.gif``, ``.mp4``), members side by side.

    Args:
        path: Path of the file.
        context: (frame, height, width, channel), uint8 or float32 in [0, 1].
        samples: (member, future, height, width, channel) in [0, 1].
        frame_rate: Frames per second of the video.

    Raises:
        UserError: The file cannot be written, or its format is unknown.
    """
    check_format(path)
    with atomic_write(path) as partial:
        if path.suffix == ".h5":
            with h5py.File(partial, "w") as file:
                file.create_dataset("context", data=context)
                file.create_dataset("samples", data=samples, compression="gzip", shuffle=True)
                file.attrs["frame_rate"] = frame_rate
            return
        video = _side_by_side(context, samples)
        settings: dict[str, Any] = (
            {"duration": 1000 / frame_rate, "loop": 0}
            if path.suffix == ".gif"
            else {"plugin": "pyav", "codec": "libx264", "fps": frame_rate}
        )
        encoded = iio.imwrite("<bytes>", video, extension=path.suffix, **settings)
        assert isinstance(encoded, bytes)
        partial.write_bytes(encoded)


def _side_by_side(context: NDArray[Any], samples: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return (frame, height, width, 3): a column per member, each with the context first."""
    known = to_picture(context, signed=False)
    columns = [np.concatenate([known, to_picture(member, signed=False)]) for member in samples]
    factor = -(-SMALLEST // samples.shape[2])
    columns = [column.repeat(factor, 1).repeat(factor, 2) for column in columns]
    gap = np.full((*columns[0].shape[:2], GAP, 3), 255, np.uint8)
    parts = [part for column in columns for part in (column, gap)][:-1]
    video = np.concatenate(parts, 2)
    # The usual pixel format of videos needs even heights and widths.
    odd = [(0, 0), (0, video.shape[1] % 2), (0, video.shape[2] % 2), (0, 0)]
    return np.pad(video, odd, constant_values=255)
