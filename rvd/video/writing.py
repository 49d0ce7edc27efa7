"""Writing of video files (``docs/data-format.md``)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np

from rvd.errors import UserError
from rvd.files import atomic_write, software
from rvd.video.file import CONTENT, SPLITS, Frames, VideoFile, VideoInfo
from rvd.video.hdf5 import fixed_length_text, write_attributes


def write_video_file(
    path: Path,
    videos: Iterable[tuple[str, str, Frames | Iterator[Frames]]],
    frame_shape: tuple[int, int, int],
    dtype: type[np.uint8] | type[np.float32],
    info: VideoInfo,
) -> None:
    """Write a video file, holding one video, or one block of its frames, in memory at a time.

    Args:
        path: Path of the file, which appears when it is complete.
        videos: Iterable of (split, name, frames) with frames (frame, height, width, channel) of
            type ``dtype``, or an iterator of blocks of such frames; splits may alternate.
        frame_shape: Height, width and channels of all frames.
        dtype: Type of the frames: uint8, or float32 in [0, 1].
        info: Attributes of the file.

    Raises:
        UserError: A split is empty, a video has another shape, or the disk is full.
    """
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        written = {"format": VideoFile.FORMAT, "version": VideoFile.VERSION}
        write_attributes(file, written | asdict(info) | {"software": json.dumps(software())})
        lengths: dict[str, list[int]] = {split: [] for split in SPLITS}
        names: dict[str, list[str]] = {split: [] for split in SPLITS}
        datasets = {split: _frames_dataset(file, split, frame_shape, dtype) for split in SPLITS}
        content = {split: hashlib.sha256() for split in SPLITS}
        for split, name, frames in videos:
            count = 0
            for block in frames if isinstance(frames, Iterator) else [frames]:
                if block.shape[1:] != frame_shape or block.dtype != dtype or not len(block):
                    raise UserError(
                        f"video '{name}' has frames {block.shape} of {block.dtype}, expected "
                        f"(at least 1, {', '.join(map(str, frame_shape))}) of {dtype.__name__}"
                    )
                _append(datasets[split], block)
                content[split].update(np.ascontiguousarray(block).data)
                count += len(block)
            lengths[split].append(count)
            names[split].append(name)
        for split in SPLITS:
            if not lengths[split]:
                raise UserError(f"{path}: not written, because split '{split}' has no video")
            offsets = np.cumsum([0, *lengths[split]], dtype=np.int64)
            file[split].create_dataset("first_frame", data=offsets)
            file[split].create_dataset("name", data=fixed_length_text(*names[split]))
        together = "".join(content[split].hexdigest() for split in SPLITS)
        write_attributes(file, {CONTENT: hashlib.sha256(together.encode()).hexdigest()})


def _frames_dataset(
    file: h5py.File, split: str, frame_shape: tuple[int, int, int], dtype: type
) -> h5py.Dataset:
    return file.create_dataset(
        f"{split}/frames",
        shape=(0, *frame_shape),
        maxshape=(None, *frame_shape),
        chunks=(1, *frame_shape),
        dtype=dtype,
    )


def _append(dataset: h5py.Dataset, frames: Frames) -> None:
    """Append frames, each written directly as one chunk; the usual way copies it twice."""
    begin = len(dataset)
    dataset.resize(begin + len(frames), axis=0)
    for place, frame in enumerate(np.ascontiguousarray(frames), begin):
        dataset.id.write_direct_chunk((place, 0, 0, 0), frame)
