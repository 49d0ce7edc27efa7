"""Test clips for other programs, which forecast them."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from rvd.evaluation.ensembles.clip_choice import chosen_clips
from rvd.experiment.experiment import ExperimentConfig
from rvd.files import atomic_write
from rvd.forecasting.clips import read_clips
from rvd.models.stored.origin import CLIPS, clips_digest
from rvd.video.file import Frames, VideoFile
from rvd.video.ranges import stored_to_unit


def export_clips(
    experiment: ExperimentConfig, videos: VideoFile, dataset: str, folder: Path, films: bool = False
) -> str:
    """Write the test clips, in the order in which forecasts of them are expected.

    The folder gets ``context.npy`` and ``truth.npy``, (clip, frame, height, width, channel) as
    stored; ``clips.json``, which describes them and the expected forecasts; and with ``films``
    ``context/<clip>.mkv`` and ``truth/<clip>.mkv``, compressed without loss (floats are rounded to
    256 levels). ``clips.json`` is written last.

    Args:
        experiment: The config.
        videos: Open video file of the dataset.
        dataset: Name of the dataset in the config.
        folder: Folder to write.
        films: Write films, too.

    Returns:
        The expected forecasts in words.

    Raises:
        UserError: No test video is long enough, or the folder cannot be written.
    """
    known, horizon = experiment.evaluation.context, experiment.datasets[dataset].horizon
    clips = chosen_clips(experiment, videos, dataset)
    frames = read_clips(videos.splits["test"], clips, known + horizon)
    parts: dict[str, Frames] = {"context": frames[:, :known], "truth": frames[:, known:]}
    for name, part in parts.items():
        last = np.ascontiguousarray(np.moveaxis(part, 2, -1))
        with atomic_write(folder / f"{name}.npy") as partial, partial.open("wb") as file:
            np.save(file, last)
        for number, clip in enumerate(last if films else ()):
            _write_film(folder / name / f"{number:04d}.mkv", clip, videos.info.frame_rate)
    height, width, channels = videos.frame_shape
    shape = [len(clips), experiment.evaluation.ensemble, horizon, height, width, channels]
    described = {
        "dataset": dataset,
        "digest": clips_digest(parts["context"]),
        "samples": {
            "axes": ["clip", "member", "frame", "height", "width", "channel"],
            "shape": shape,
            "values": "uint8 in 0…255, or floats in [0, 1]",
        },
        "clips": [
            {"number": number, "video": clip.video, "start": clip.start}
            for number, clip in enumerate(clips)
        ],
    }
    with atomic_write(folder / CLIPS) as partial:
        text = json.dumps(described, indent=1, ensure_ascii=False)
        partial.write_text(text + "\n", encoding="utf-8")
    return f"(clip, member, frame, height, width, channel) = {tuple(shape)}"


def _write_film(path: Path, frames: NDArray, frame_rate: float) -> None:
    """Write frames (frame, height, width, channel) as a film without loss of a level."""
    levels = (255 * stored_to_unit(frames)).round().astype(np.uint8)
    grey = levels.shape[-1] == 1
    pictures = levels[..., 0] if grey else levels
    with (
        atomic_write(path) as partial,
        av.open(str(partial), "w", format="matroska") as container,
    ):
        stream = container.add_stream("ffv1", rate=round(frame_rate) or 1)
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = "gray" if grey else "bgr0"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="gray" if grey else "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
