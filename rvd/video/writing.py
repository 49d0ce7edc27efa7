"""Writing of video files (``docs/data-format.md``)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np

from rvd.errors import UserError
from rvd.files import atomic_write, software
from rvd.video.file import CONTENT, SPLITS, Frames, VideoFile, VideoInfo
from rvd.video.hdf5 import fixed_length_text, write_attributes

# Larger chunks are written faster, but a short clip reads more frames that it does not need.
CHUNK_BYTES, CHUNK_FRAMES = 2**17, 10


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
    with (
        atomic_write(path) as partial,
        h5py.File(partial, "w") as file,
        ThreadPoolExecutor(1) as hashing,
    ):
        written = {"format": VideoFile.FORMAT, "version": VideoFile.VERSION}
        write_attributes(file, written | asdict(info) | {"software": json.dumps(software())})
        lengths: dict[str, list[int]] = {split: [] for split in SPLITS}
        names: dict[str, list[str]] = {split: [] for split in SPLITS}
        datasets = {split: _Frames(file, split, frame_shape, dtype) for split in SPLITS}
        content = {split: hashlib.sha256() for split in SPLITS}
        for split, name, frames in videos:
            count = 0
            for block in frames if isinstance(frames, Iterator) else [frames]:
                if block.shape[1:] != frame_shape or block.dtype != dtype or not len(block):
                    raise UserError(
                        f"video '{name}' has frames {block.shape} of {block.dtype}, expected "
                        f"(at least 1, {', '.join(map(str, frame_shape))}) of {dtype.__name__}"
                    )
                hashed = hashing.submit(content[split].update, np.ascontiguousarray(block).data)
                datasets[split].append(block)
                hashed.result()
                count += len(block)
            lengths[split].append(count)
            names[split].append(name)
        for split in SPLITS:
            if not lengths[split]:
                raise UserError(f"{path}: not written, because split '{split}' has no video")
            datasets[split].finish()
            offsets = np.cumsum([0, *lengths[split]], dtype=np.int64)
            file[split].create_dataset("first_frame", data=offsets)
            file[split].create_dataset("name", data=fixed_length_text(*names[split]))
        together = "".join(content[split].hexdigest() for split in SPLITS)
        write_attributes(file, {CONTENT: hashlib.sha256(together.encode()).hexdigest()})


class _Frames:
    """The frames of one split, written directly as chunks; the usual way copies them twice."""

    def __init__(
        self, file: h5py.File, split: str, frame_shape: tuple[int, int, int], dtype: type
    ) -> None:
        size = int(np.prod(frame_shape)) * np.dtype(dtype).itemsize
        self.per_chunk = min(CHUNK_FRAMES, max(1, CHUNK_BYTES // size))
        self.dataset = file.create_dataset(
            f"{split}/frames",
            shape=(0, *frame_shape),
            maxshape=(None, *frame_shape),
            chunks=(self.per_chunk, *frame_shape),
            dtype=dtype,
        )
        self.written, self.size = 0, 0
        # Those of the last chunk, until it is full.
        self.rest: Frames = np.empty((0, *frame_shape), dtype)

    def append(self, frames: Frames) -> None:
        """Write all chunks that are full."""
        if len(self.rest):
            frames = np.concatenate([self.rest, frames])
        whole = len(frames) // self.per_chunk * self.per_chunk
        # Each change of the size looks through all chunks.
        if self.written + whole > self.size:
            self.size = 2 * (self.written + whole)
            self.dataset.resize(self.size, axis=0)
        for first in range(0, whole, self.per_chunk):
            chunk = np.ascontiguousarray(frames[first : first + self.per_chunk])
            self.dataset.id.write_direct_chunk((self.written + first, 0, 0, 0), chunk)
        self.written += whole
        self.rest = frames[whole:].copy()

    def finish(self) -> None:
        """Write the last chunk."""
        self.dataset.resize(self.written + len(self.rest), axis=0)
        self.dataset[self.written :] = self.rest
