"""Clips from other programs: arrays in a file, or films in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from rvd.datasets.external.arrays import FORECASTS, SUFFIXES, open_array_clips
from rvd.datasets.external.films import open_films
from rvd.datasets.external.format import ClipFormat
from rvd.errors import UserError
from rvd.video.file import Frames


@runtime_checkable
class Clips(Protocol):
    """Clips that are read one at a time.

    Attributes:
        format: Shape of each clip.
        members: Number of members of each clip.
    """

    format: ClipFormat
    members: int

    def __len__(self) -> int:
        """Return the number of clips."""

    def read(self, index: int) -> Frames:
        """Return a clip, (member, frame, height, width, channel), uint8 or float32 in [0, 1].

        Raises:
            UserError: The clip cannot be read, or its values are out of range.
        """

    def digest(self) -> str:
        """Return the SHA-256 of the content, in hexadecimal digits."""


def open_clips(
    path: Path,
    expected: ClipFormat | None = None,
    channels: int = 3,
    names: Sequence[str] = FORECASTS,
) -> Clips:
    """Open the clips in a file of arrays, or in a folder of films.

    Args:
        path: A file in one of the formats of :data:`~rvd.datasets.external.arrays.SUFFIXES`; or a
            folder of films, one per clip, or of folders of films, one film per member.
        expected: Shape of each clip; None takes that of the first clip, for one video per clip.
        channels: Channels of films where ``expected`` is None.
        names: Names of the array in a file that has several.

    Raises:
        UserError: There is no such file or folder, or clips have another shape than ``expected``.
    """
    if path.is_dir():
        return open_films(path, expected, channels)
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder")
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise UserError(f"{path}: is neither an array ({known}) nor a folder of films")
    return open_array_clips(path, expected, names)
