"""The video file: every dataset in one format (``docs/data-format.md``)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from rvd.errors import UserError
from rvd.files import atomic_write, reason, software
from rvd.video.hdf5 import FAULTS, CheckedFile, dataset, describe, member, text, texts

SPLITS = ("train", "val", "test")
CONTENT = "content_sha256"  # the attribute that holds the checksum of all frames

Frames = NDArray[np.uint8] | NDArray[np.float32]


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says about itself.

    ``minimum`` and ``maximum`` are the physical values (in ``unit``) of black and white; ``signed``
    says that mid-grey is zero.
    """

    source: str = ""
    licence: str = ""
    frame_rate: float = 10.0
    minimum: float = 0.0
    maximum: float = 255.0
    unit: str = "grey level"
    signed: bool = False
    config: str = "{}"


class Split:
    """The videos of one split.

    ``frames`` is the HDF5 dataset (frame, height, width, channel), ``first_frame`` (video + 1) the
    offsets of the videos in it, ``names`` their names.
    """

    def __init__(self, group: h5py.Group) -> None:
        self.frames: h5py.Dataset = dataset(group, "frames")
        self.first_frame: NDArray[np.int64] = dataset(group, "first_frame")[:]
        self._group = group

    @cached_property
    def names(self) -> list[str]:
        """The name of each video."""
        return texts(self._group, "name")

    def __len__(self) -> int:
        return len(self.first_frame) - 1

    def video(self, index: int) -> Frames:
        """Frames (frame, height, width, channel) of one video."""
        return self.read(int(self.first_frame[index]), int(self.first_frame[index + 1]))

    def read(self, first: int, end: int) -> Frames:
        """Frames (frame, height, width, channel) from position ``first`` up to ``end``.

        Raises:
            UserError: the file is damaged there.
        """
        try:
            return self.frames[first:end]
        except FAULTS as error:
            path = self._group.file.filename
            raise UserError(f"{path}: is damaged in its frames ({reason(error)})") from None

    def starts(self, length: int, stride: int = 1) -> NDArray[np.int64]:
        """Positions in ``frames`` where a clip of ``length`` frames fits within one video.

        Within a video they are ``stride`` frames apart, from its first frame on.
        """
        spans = zip(self.first_frame[:-1], self.first_frame[1:], strict=True)
        found = [np.arange(first, end - length + 1, stride) for first, end in spans]
        return np.concatenate(found) if found else np.empty(0, np.int64)


class VideoFile(CheckedFile):
    """A video file opened for reading and checked; use it in a ``with`` block.

    ``splits`` are its splits by name, ``info`` is what it says about itself.

    Raises:
        UserError: the file is missing, truncated, foreign, or inconsistent.
    """

    FORMAT, VERSION = "rvd-video", 2

    def _read(self, file: h5py.File) -> None:
        # The fields of the info are the attributes of the file.
        self.info = VideoInfo(**{f.name: self.attributes[f.name] for f in fields(VideoInfo)})
        self.splits = {name: Split(member(file, name)) for name in SPLITS}
        for name, split in self.splits.items():
            if fault := _fault(split):
                raise UserError(f"{self.path}: split '{name}' is inconsistent: {fault}")
        if len({split.frames.shape[1:] for split in self.splits.values()}) > 1:
            raise UserError(f"{self.path}: its splits hold frames of different shapes")

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.splits["train"].frames.shape[1:]

    def fingerprint(self) -> str:
        """A digest of what the file holds: the same for a file that was made again alike.

        All frames enter, by the checksum that was taken while the file was written. Files from
        before there was one have none: of their frames the first and last of each split enter.
        """
        digest = hashlib.sha256(repr(self.info).encode())
        content = self.attributes.get(CONTENT)
        if content is not None:
            digest.update(str(content).encode())
        for split in self.splits.values():
            digest.update(split.first_frame.tobytes() + "\0".join(split.names).encode())
            if content is None:
                last = len(split.frames) - 1
                digest.update(split.read(0, 1).tobytes() + split.read(last, last + 1).tobytes())
        return digest.hexdigest()[:16]


def write_video_file(
    path: Path,
    videos: Iterable[tuple[str, str, Frames]],
    frame_shape: tuple[int, int, int],
    dtype: type[np.uint8] | type[np.float32],
    info: VideoInfo,
) -> None:
    """Write ``videos`` as they come, so that memory holds one at a time.

    Args:
        path: where the file appears when complete.
        videos: (split, name, frames) with frames (frame, height, width, channel) of ``dtype``,
            uint8 or float32 in [0, 1]; splits may alternate.
        frame_shape: height, width, channels of every frame.
        dtype: type of the frames.
        info: what the file says about itself.

    Raises:
        UserError: a split stays empty, a video has another shape, or the disk is full.
    """
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        written = {"format": VideoFile.FORMAT, "version": VideoFile.VERSION}
        describe(file, written | asdict(info) | {"software": json.dumps(software())})
        lengths: dict[str, list[int]] = {split: [] for split in SPLITS}
        names: dict[str, list[str]] = {split: [] for split in SPLITS}
        datasets = {split: _frames_dataset(file, split, frame_shape, dtype) for split in SPLITS}
        content = {split: hashlib.sha256() for split in SPLITS}
        for split, name, frames in videos:
            if frames.shape[1:] != frame_shape or frames.dtype != dtype or not len(frames):
                raise UserError(
                    f"video '{name}' has frames {frames.shape} of {frames.dtype}, "
                    f"expected (at least 1, {', '.join(map(str, frame_shape))}) of {dtype.__name__}"
                )
            _append(datasets[split], frames)
            content[split].update(np.ascontiguousarray(frames).data)
            lengths[split].append(len(frames))
            names[split].append(name)
        for split in SPLITS:
            if not lengths[split]:
                raise UserError(f"{path}: not written, because split '{split}' would hold no video")
            offsets = np.cumsum([0, *lengths[split]], dtype=np.int64)
            file[split].create_dataset("first_frame", data=offsets)
            file[split].create_dataset("name", data=text(*names[split]))
        together = "".join(content[split].hexdigest() for split in SPLITS)
        describe(file, {CONTENT: hashlib.sha256(together.encode()).hexdigest()})


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
    """Each frame is a chunk, written as it is: the general way would copy it twice."""
    begin = len(dataset)
    dataset.resize(begin + len(frames), axis=0)
    for place, frame in enumerate(np.ascontiguousarray(frames), begin):
        dataset.id.write_direct_chunk((place, 0, 0, 0), frame)


def _fault(split: Split) -> str | None:
    """What contradicts the format in ``split``, or None."""
    frames, offsets = split.frames, split.first_frame
    if frames.ndim != 4 or frames.dtype not in (np.uint8, np.float32):
        return f"frames are {frames.dtype} with {frames.ndim} dimensions"
    if len(offsets) < 2:
        return "it holds no video"
    if offsets[0] != 0 or (np.diff(offsets) <= 0).any() or offsets[-1] != len(frames):
        return f"first_frame does not divide its {len(frames)} frames into videos"
    if len(split.names) != len(split) or len(set(split.names)) != len(split):
        return f"{len(split.names)} names, not all different, for {len(split)} videos"
    return None
