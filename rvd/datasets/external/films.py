"""Clips in folders of films, one film per clip or one per member."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rvd.datasets.external.format import ClipFormat
from rvd.datasets.folder.frames import lazy_frames, natural_order
from rvd.datasets.folder.listing import FILMS, PICTURES, is_hidden
from rvd.datasets.reading.frames import DecodingError
from rvd.errors import UserError
from rvd.files import sha256_of


class FilmClips:
    """Clips of a folder, in the natural order of their names (2 before 10).

    Args:
        path: Folder of films, of folders of pictures, or of folders of either.
        clips: Films of each clip.
        format: Shape of each clip.
    """

    def __init__(self, path: Path, clips: Sequence[Sequence[Path]], format: ClipFormat) -> None:
        self.path, self.clips, self.format = path, clips, format
        self.members = len(clips[0])

    def __len__(self) -> int:
        return len(self.clips)

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return a clip, (member, frame, height, width, channel).

        Raises:
            UserError: A film cannot be decoded, or has another length or size.
        """
        expected = (self.format.frames, *self.format.frame)
        films = []
        for path in self.clips[index]:
            film = read_film(path, self.format.frame[2])
            if film.shape != expected:
                raise UserError(f"{path}: has {_words(film.shape)}, expected {_words(expected)}")
            films.append(film)
        return np.stack(films)

    def digest(self) -> str:
        """Return a SHA-256 of the names and contents of all films, in hexadecimal digits."""
        whole = hashlib.sha256()
        for film in (film for films in self.clips for film in films):
            for path in sorted(film.iterdir()) if film.is_dir() else [film]:
                whole.update(f"{path.relative_to(self.path)}\0{sha256_of(path)}\n".encode())
        return whole.hexdigest()


def open_films(folder: Path, expected: ClipFormat | None, channels: int) -> FilmClips:
    """Open a folder of films.

    Args:
        folder: Folder with one film per clip, or one folder per clip with one film per member.
        expected: Shape of each clip; None takes that of the first film.
        channels: Channels of the frames where ``expected`` is None.

    Raises:
        UserError: The folder has no films, films next to folders of films, or clips with different
            numbers of members; or the first film cannot be decoded.
    """
    clips = list(_clips(folder))
    if not clips:
        raise UserError(f"{folder}: contains no film and no folder of pictures")
    for films in clips[1:]:
        if len(films) != len(clips[0]):
            raise UserError(
                f"{films[0].parent}: has {len(films)} films, {clips[0][0].parent} has "
                f"{len(clips[0])}; each clip needs as many members"
            )
    if expected is None:
        first = read_film(clips[0][0], channels)
        expected = ClipFormat(len(first), (first.shape[1], first.shape[2], channels))
    return FilmClips(folder, clips, expected)


def read_film(path: Path, channels: int) -> NDArray[np.uint8]:
    """Return all frames of a film, GIF or folder of pictures: (frame, height, width, channel).

    Args:
        path: Film or folder.
        channels: 1 for grey, 3 for RGB.

    Raises:
        UserError: It cannot be decoded, or its frames differ in size.
    """
    try:
        frames = [frame.picture() for frame in lazy_frames(path, channels)]
    except DecodingError as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    if len({frame.shape for frame in frames}) != 1:
        raise UserError(f"{path}: its frames differ in size")
    return np.stack(frames)


def _clips(folder: Path) -> Iterator[list[Path]]:
    """Yield the films of each clip."""
    inside = [path for path in sorted(folder.iterdir(), key=natural_order) if not is_hidden(path)]
    films = [path for path in inside if _is_film(path)]
    folders = [path for path in inside if path.is_dir() and path not in films]
    if films and folders:
        raise UserError(f"{folder}: has films ({films[0].name}) next to folders of films")
    yield from ([film] for film in films)
    for clip in folders:
        members = [path for path in sorted(clip.iterdir(), key=natural_order) if _is_film(path)]
        if not members:
            raise UserError(f"{clip}: contains no film and no folder of pictures")
        yield members


def _is_film(path: Path) -> bool:
    """Return True for a film, or a folder that contains pictures."""
    if is_hidden(path):
        return False
    if path.is_dir():
        return any(inner.suffix.lower() in PICTURES for inner in path.iterdir())
    return path.suffix.lower() in FILMS


def _words(shape: tuple[int, ...]) -> str:
    frames, height, width, _ = shape
    return f"{frames} frames of {width}×{height} pixels"
