"""Reading of video files, the common format of all datasets (``docs/data-format.md``)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property

import h5py
import numpy as np
from numpy.typing import NDArray

from rvd.errors import UserError
from rvd.files import reason
from rvd.video.hdf5 import HDF5_ERRORS, CheckedFile, open_dataset, open_member, read_texts

SPLITS = ("train", "val", "test")
CONTENT = "content_sha256"  # the attribute that holds the checksum of all frames

Frames = NDArray[np.uint8] | NDArray[np.float32]


@dataclass(frozen=True)
class VideoInfo:
    """Attributes of a video file.

    Attributes:
        source: Origin of the videos.
        licence: Licence of the videos.
        frame_rate: Frames per second of playback.
        minimum: Physical value of black, in ``unit``.
        maximum: Physical value of white, in ``unit``.
        unit: Unit of ``minimum`` and ``maximum``.
        signed: True if mid-grey means zero.
        config: The dataset's section of the config as JSON.
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
    """Videos of one split.

    Attributes:
        frames: HDF5 dataset (frame, height, width, channel) of all videos in sequence.
        first_frame: Offsets (video + 1) of the videos in ``frames``.
    """

    def __init__(self, group: h5py.Group) -> None:
        self.frames: h5py.Dataset = open_dataset(group, "frames")
        self.first_frame: NDArray[np.int64] = open_dataset(group, "first_frame")[:]
        self._group = group

    @cached_property
    def names(self) -> list[str]:
        """Names of the videos."""
        return read_texts(self._group, "name")

    def __len__(self) -> int:
        return len(self.first_frame) - 1

    def video(self, index: int) -> Frames:
        """Read the frames (frame, height, width, channel) of one video."""
        return self.read(int(self.first_frame[index]), int(self.first_frame[index + 1]))

    def read(self, first: int, end: int) -> Frames:
        """Read the frames (frame, height, width, channel) from ``first`` up to ``end``.

        Raises:
            UserError: The file is damaged at this position.
        """
        try:
            return self.frames[first:end]
        except HDF5_ERRORS as error:
            path = self._group.file.filename
            raise UserError(f"{path}: is damaged in its frames ({reason(error)})") from None

    def clip_starts(self, length: int, stride: int = 1) -> NDArray[np.int64]:
        """Return the positions in ``frames`` at which a clip of ``length`` frames fits in a video.

        Within a video they are ``stride`` frames apart, starting at its first frame.
        """
        spans = zip(self.first_frame[:-1], self.first_frame[1:], strict=True)
        found = [np.arange(first, end - length + 1, stride) for first, end in spans]
        return np.concatenate(found) if found else np.empty(0, np.int64)


class VideoFile(CheckedFile):
    """A video file, opened for reading and checked; use it in a ``with`` block.

    Attributes:
        splits: Splits by name.
        info: Attributes of the file.

    Raises:
        UserError: The file is missing, truncated, inconsistent or of another format.
    """

    FORMAT, VERSION = "rvd-video", 2

    def _read(self, file: h5py.File) -> None:
        # The fields of the info are the attributes of the file.
        self.info = VideoInfo(**{f.name: self.attributes[f.name] for f in fields(VideoInfo)})
        self.splits = {name: Split(open_member(file, name)) for name in SPLITS}
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
        """Return a digest of the content, which is the same for files with equal content.

        It covers all frames through the checksum computed while the file was written. Older files
        without a checksum are covered by the first and last frame of each split.
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


def _fault(split: Split) -> str | None:
    """Return the violation of the format in ``split``, or None."""
    frames, offsets = split.frames, split.first_frame
    if frames.ndim != 4 or frames.dtype not in (np.uint8, np.float32):
        return f"frames are {frames.dtype} with {frames.ndim} dimensions"
    if len(offsets) < 2:
        return "it contains no video"
    if offsets[0] != 0 or (np.diff(offsets) <= 0).any() or offsets[-1] != len(frames):
        return f"first_frame does not divide its {len(frames)} frames into videos"
    if len(split.names) != len(split) or len(set(split.names)) != len(split):
        return f"{len(split.names)} names, not all different, for {len(split)} videos"
    return None
