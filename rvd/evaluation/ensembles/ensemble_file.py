"""The ensemble file: forecasts of test clips with their truth (``docs/data-format.md``)."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from rvd.errors import UserError
from rvd.files import commit, reported
from rvd.metrics.base import EnsembleShape
from rvd.video.file import Frames, VideoInfo
from rvd.video.hdf5 import (
    CheckedFile,
    fixed_length_text,
    open_dataset,
    read_texts,
    write_attributes,
)


@dataclass(frozen=True)
class EnsembleInfo:
    """The metadata of an ensemble file; ``video`` is copied from the video file."""

    dataset: str
    model: str
    seed: int
    video: VideoInfo
    config: str = "{}"
    software: str = "{}"


# The datasets whose first axis is clips; the last two are removed when the file is complete.
_BY_CLIP = ("context", "truth", "samples", "video", "start", "seconds", "done")


class EnsembleWriter:
    """A writer of forecasts, clip by clip, that resumes an interrupted file.

    The file grows under a hidden name next to ``path``. A partial file with another ``info``,
    ``shape``, ``dtype``, ``places`` or ``made_by`` is discarded; :attr:`done` tells the clips that
    are already written.

    Args:
        path: Path of the complete file.
        info: Metadata of the file.
        shape: Shape of the file.
        dtype: Type of the frames, uint8 or float32.
        places: Name of each clip's video, and the frame at which the context starts in it.
        made_by: Digests of further things that the forecasts depend on, as the predictor's weights.

    Raises:
        UserError: The folder cannot be written, or the disk is full.
    """

    def __init__(
        self,
        path: Path,
        info: EnsembleInfo,
        shape: EnsembleShape,
        dtype: Any,
        places: Sequence[tuple[str, int]],
        made_by: str = "",
    ) -> None:
        self.path = path
        self.partial = path.with_name(f".{path.name}.partial")
        made_from = repr((info, shape, str(np.dtype(dtype)), list(places), made_by))
        digest = hashlib.sha256(made_from.encode()).hexdigest()
        with reported(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._continue(digest, shape.clips) or self._begin(
                digest, info, shape, dtype, places, made_by
            )
        self.done: list[bool] = [bool(value) for value in self._file["done"][:]]

    def _continue(self, digest: str, clips: int) -> h5py.File | None:
        """Return the partial file, where it is readable and was started with the same arguments."""
        file = None
        try:
            file = h5py.File(self.partial, "r+")
            whole = all(len(file[key]) == clips for key in _BY_CLIP)
            if whole and file.attrs.get("begun_as") == digest.encode():
                _add_commit(file)
                return file
        except (OSError, RuntimeError, KeyError):
            pass  # cut short by a kill or a full disk
        if file is not None:
            file.close()
        return None

    def _begin(
        self,
        digest: str,
        info: EnsembleInfo,
        shape: EnsembleShape,
        dtype: Any,
        places: Sequence[tuple[str, int]],
        made_by: str,
    ) -> h5py.File:
        file = h5py.File(self.partial, "w")
        written = {"format": EnsembleFile.FORMAT, "version": EnsembleFile.VERSION}
        described = {key: value for key, value in asdict(info).items() if key != "video"}
        write_attributes(file, written | asdict(info.video) | described | {"begun_as": digest})
        write_attributes(file, {"made_by": made_by, "commit": commit()})
        clips, frame = shape.clips, shape.frame
        future = (shape.horizon, *frame)
        file.create_dataset("context", (clips, shape.context, *frame), dtype)
        file.create_dataset("truth", (clips, *future), dtype)
        file.create_dataset(
            "samples", (clips, shape.ensemble, *future), dtype, chunks=(1, 1, *future)
        )
        file.create_dataset("video", data=fixed_length_text(*(video for video, _ in places)))
        file.create_dataset("start", data=np.array([start for _, start in places], np.int64))
        file.create_dataset("seconds", (clips,), np.float64)
        file.create_dataset("done", data=np.zeros(clips, bool))
        file.flush()  # a full disk is reported here
        return file

    def write(
        self,
        clip: int,
        *,
        context: Frames,
        truth: Frames,
        samples: Frames,
        seconds: float,
    ) -> None:
        """Write one clip: frames shaped as the file's datasets, and the seconds they took."""
        values = {
            "context": context,
            "truth": truth,
            "samples": samples,
            "seconds": seconds,
        }
        try:
            with reported(self.path):
                for key, value in values.items():
                    dataset = self._file[key]
                    dataset[clip] = value
                    # A full disk raises here; when the dataset is closed, HDF5 would only print it.
                    dataset.flush()
                self._file["done"][clip] = True
                self._file.flush()
        except KeyError:
            # HDF5 does not find a dataset for which it could not allocate space.
            raise UserError(f"{self.path}: cannot be written (no space for a clip)") from None
        self.done[clip] = True

    def finish(self) -> None:
        """Move the complete file to its place."""
        if not all(self.done):
            raise ValueError("clips are missing")
        with reported(self.path):
            self._file.attrs["seconds"] = float(self._file["seconds"][:].sum())
            for key in ("done", "seconds"):
                del self._file[key]
            del self._file.attrs["begun_as"]
            self._file.close()
            with self.partial.open("rb") as file:
                os.fsync(file.fileno())
            self.partial.replace(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            self._file.close()
        except (OSError, RuntimeError):
            if error is None:
                raise
            # On a full disk closing fails as the writing did, which has been reported already.


class EnsembleFile(CheckedFile):
    """An ensemble file, open for reading and checked; use it in a ``with`` block.

    ``context``, ``truth`` and ``samples`` are HDF5 datasets (see ``docs/data-format.md``), to be
    read clip by clip.

    Raises:
        UserError: The file is missing, truncated, foreign or inconsistent.
    """

    FORMAT, VERSION = "rvd-ensemble", 2

    def _read(self, file: h5py.File) -> None:
        own = {field.name for field in fields(EnsembleInfo)} - {"video"}
        of_video = {field.name for field in fields(VideoInfo)} - own
        self.info = EnsembleInfo(
            **{name: self.attributes[name] for name in own},
            video=VideoInfo(**{name: self.attributes[name] for name in of_video}),
        )
        self.seconds: float = self.attributes["seconds"]
        # Files of earlier versions do not have them.
        self.made_by = str(self.attributes.get("made_by", ""))
        self.commit = str(self.attributes.get("commit", ""))
        self.context: h5py.Dataset = open_dataset(file, "context")
        self.truth: h5py.Dataset = open_dataset(file, "truth")
        self.samples: h5py.Dataset = open_dataset(file, "samples")
        self.videos: list[str] = read_texts(file, "video")
        self.starts: list[int] = [int(start) for start in open_dataset(file, "start")[:]]
        clips, ensemble, horizon, *frame = self.samples.shape
        if self.truth.shape != (clips, horizon, *frame) or len(self.context) != clips:
            raise UserError(f"{self.path}: samples, truth and context differ in shape")
        self.shape = EnsembleShape(
            clips, ensemble, self.context.shape[1], horizon, (frame[0], frame[1], frame[2])
        )

    @property
    def clips_from(self) -> str:
        """The value of ``evaluation.clips_from`` in the config of the sampling."""
        try:
            return str(json.loads(self.info.config)["evaluation"]["clips_from"])
        except (ValueError, KeyError, TypeError):
            return "spread"  # the default, for a file that does not tell

    @property
    def white(self) -> float:
        """The value of white: 255 for uint8 frames, 1 for float frames."""
        return 255.0 if self.samples.dtype == np.uint8 else 1.0


def _add_commit(file: h5py.File) -> None:
    """Add the commit of this process, where another one wrote the first clips."""
    before = file.attrs.get("commit", b"")
    commits = before.decode() if isinstance(before, bytes) else ""
    if commit() not in commits.split(", "):
        write_attributes(file, {"commit": f"{commits or 'unknown'}, {commit() or 'unknown'}"})
