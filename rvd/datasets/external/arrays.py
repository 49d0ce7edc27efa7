"""Clips in the arrays of .npy, .npz and .h5 files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from rvd.datasets.external.format import ClipFormat, Reorder, format_of_videos, in_range, reorder
from rvd.errors import UserError
from rvd.files import reason, sha256_of
from rvd.video.file import Frames
from rvd.video.hdf5 import HDF5_ERRORS, open_dataset

SUFFIXES = (".npy", ".npz", ".h5", ".hdf5")
# Names of the array of clips, in a file that has several; the first that exists is taken.
FORECASTS = ("samples", "video", "videos", "truth")
RECORDED = ("truth", "video", "videos", "samples")
_ERRORS = (*HDF5_ERRORS, zipfile.BadZipFile, zlib.error, EOFError)


class ArrayClips:
    """Clips along the first axis of an array.

    Args:
        path: File of the array.
        array: Array or HDF5 dataset.
        expected: Shape of each clip; None takes that of the array.

    Raises:
        UserError: The array has another shape.
    """

    def __init__(self, path: Path, array: Any, expected: ClipFormat | None) -> None:
        self.path, self.array = path, array
        shape = tuple(int(size) for size in array.shape)
        found = expected or format_of_videos(shape)
        if found is None or 0 in shape:
            raise UserError(
                f"{path}: has the shape {shape}, expected (clip, frame, height, width, channel) "
                "with 1 or 3 channels"
            )
        function = reorder(shape[1:], found)
        if function is None:
            raise UserError(f"{path}: has the shape {shape}, expected {found.words()}")
        self.format = found
        self._reorder: Reorder = function
        self.members = len(function(np.empty(shape[1:], np.uint8)))

    def __len__(self) -> int:
        return len(self.array)

    def read(self, index: int) -> Frames:
        """Return a clip, (member, frame, height, width, channel), uint8 or float32 in [0, 1].

        Raises:
            UserError: The clip cannot be read, or its values are out of range.
        """
        try:
            clip = np.asarray(self.array[index])
        except _ERRORS as error:
            raise UserError(f"{self.path}: clip {index} cannot be read ({reason(error)})") from None
        return in_range(self._reorder(clip), f"{self.path}: clip {index}")

    def digest(self) -> str:
        """Return the SHA-256 of the file, in hexadecimal digits."""
        return sha256_of(self.path)


def open_array_clips(
    path: Path, expected: ClipFormat | None, names: Sequence[str] = FORECASTS
) -> ArrayClips:
    """Open the array of clips in a file, which is then read clip by clip.

    Args:
        path: File in one of the formats :data:`SUFFIXES`.
        expected: Shape of each clip; None takes that of the array.
        names: Names of the array in a file that has several.

    Raises:
        UserError: The file cannot be read, has several arrays of which none is in ``names``, or the
            array has another shape.
    """
    arrays = read_arrays(path)
    known = [name for name in names if name in arrays]
    if len(arrays) > 1 and not known:
        raise UserError(
            f"{path}: has the arrays {', '.join(arrays)}; name one of them '{names[0]}'"
        )
    return ArrayClips(path, arrays[known[0] if known else min(arrays)], expected)


def read_arrays(path: Path) -> Mapping[str, Any]:
    """Return the arrays of a file by name; values of HDF5 files are read when they are indexed.

    Objects that a file has pickled are not read, since that could run code.

    Args:
        path: File in one of the formats :data:`SUFFIXES`.

    Raises:
        UserError: The file cannot be read, or has no array.
    """
    try:
        arrays = _arrays(path)
    except _ERRORS as error:
        raise UserError(f"{path}: cannot be read ({reason(error)})") from None
    if not arrays:
        raise UserError(f"{path}: has no array")
    return arrays


def _arrays(path: Path) -> dict[str, Any]:
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return {"samples": np.load(path, mmap_mode="r", allow_pickle=False)}
    if suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    file = h5py.File(path, "r")
    return {
        name: open_dataset(file, name)
        for name in file
        if file.get(name, getclass=True) is h5py.Dataset and not file[name].dtype.hasobject
    }
