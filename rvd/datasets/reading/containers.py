"""Films that are cut short, as the structure of their containers tells.

Only sizes and markers are read, not the frames. FFmpeg reads such films silently to their end, with
a last frame that may be half decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

# EBML: the identifier of the segment, which holds all else.
SEGMENT = 0x18538067
# Ogg: the last page of a stream has this flag. A page has at most 65,307 bytes.
END_OF_STREAM, LARGEST_PAGE = 4, 65_307
# AVI: the flag of a header that promises an index.
HAS_INDEX = 0x10
# Some writers of AVI count the eight bytes of a header twice.
AVI_SLACK = 8


def why_cut(path: Path, container: str) -> str | None:
    """Return why a film is cut short, or None if it is whole or its container does not tell.

    Args:
        path: Path of the film.
        container: Name of the container format, as FFmpeg gives it.

    Raises:
        OSError: The file cannot be read.
    """
    check = CHECKS.get(container)
    if check is None:
        return None
    with path.open("rb") as file:
        try:
            return check(file, path.stat().st_size)
        except struct.error:
            return "it ends within one of its parts"


def _mp4(file: BinaryIO, size: int) -> str | None:
    position = 0
    while position + 8 <= size:
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        if not kind.isalnum() or length in range(2, 8):
            return None  # something else behind the last box
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
        if length == 0:
            return None  # until the end
        if position + length > size:
            return f"its part '{kind.decode('latin-1')}' lacks {position + length - size:,} bytes"
        position += max(length, 8)
    return None


def _avi(file: BinaryIO, size: int) -> str | None:
    """Accept an AVI whose index is whole, or which announces none and ends where it says."""
    position, missing, indexed, promised = 0, 0, False, False
    while position + 12 <= size:
        file.seek(position)
        name, length, kind = struct.unpack("<4sI4s", file.read(12))
        if name not in (b"RIFF", b"LIST", b"idx1"):
            if name == b"\0\0\0\0":
                break
            position += 8 + length + length % 2
            continue
        end = position + 8 + length
        if name == b"idx1":
            indexed = end <= size
        elif kind == b"hdrl":
            header = file.read(min(length, 2**20))
            found = header.find(b"avih")
            flags = struct.unpack_from("<I", header, found + 20)[0] if found >= 0 else 0
            promised, indexed = bool(flags & HAS_INDEX), b"indx" in header
        elif kind in (b"AVI ", b"AVIX"):
            missing = max(missing, end - size)
            position += 12  # into it
            continue
        position = end + end % 2
    if missing > AVI_SLACK and not (indexed and position <= size + AVI_SLACK):
        return f"its last part lacks {missing:,} bytes"
    return "its index is missing" if promised and not indexed else None


def _matroska(file: BinaryIO, size: int) -> str | None:
    position = 0
    for _ in range(8):
        file.seek(position)
        identifier, length = _ebml_number(file, keep=True), _ebml_number(file)
        if length is None:
            return None  # written live
        end = file.tell() + length
        if identifier == SEGMENT:
            return f"its segment lacks {end - size:,} bytes" if end > size else None
        position = end
        if position >= size:
            break
    return None


def _ebml_number(file: BinaryIO, keep: bool = False) -> int | None:
    """Return a number of variable length, with its length marker if ``keep``; None if unknown."""
    (first,) = struct.unpack("B", file.read(1))
    more = 8 - first.bit_length()
    if more > 7:
        raise struct.error
    value = int.from_bytes(bytes([first]) + file.read(more))
    marker = 1 << (7 * (more + 1))
    if keep:
        return value
    return None if value == 2 * marker - 1 else value - marker


def _ogg(file: BinaryIO, size: int) -> str | None:
    file.seek(max(size - LARGEST_PAGE, 0))
    tail = file.read()
    page = tail.rfind(b"OggS")
    if page < 0:
        return "its last page is damaged"
    if len(tail) < page + 27:
        return "its last page is incomplete"
    flags, segments = tail[page + 5], tail[page + 26]
    table = tail[page + 27 : page + 27 + segments]
    if len(table) < segments or page + 27 + segments + sum(table) > len(tail):
        return "its last page is incomplete"
    return None if flags & END_OF_STREAM else "its last page does not end a stream"


def _gif(file: BinaryIO, size: int) -> str | None:
    file.seek(6)
    *_, flags, _, _ = struct.unpack("<HHBBB", file.read(7))
    _skip_palette(file, flags)
    while kind := file.read(1):
        if kind == b";":
            return None
        if kind == b"!":
            file.seek(1, 1)
        elif kind == b",":
            _skip_palette(file, struct.unpack("<8xB", file.read(9))[0])
            file.seek(1, 1)
        elif kind != b"\0":
            return None  # something that decoders skip
        else:
            continue
        while length := struct.unpack("B", file.read(1))[0]:
            file.seek(length, 1)
    return "its trailer is missing"


def _skip_palette(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 * 2 ** ((flags & 7) + 1), 1)


def _asf(file: BinaryIO, size: int) -> str | None:
    (header,) = struct.unpack("<16xQ", file.read(24))
    file.seek(header)
    (data,) = struct.unpack("<16xQ", file.read(24))
    lacking = header + data - size
    return f"its data lack {lacking:,} bytes" if lacking > 0 else None


CHECKS: Mapping[str, Callable[[BinaryIO, int], str | None]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": _mp4,
    "avi": _avi,
    "matroska,webm": _matroska,
    "ogg": _ogg,
    "gif": _gif,
    "asf": _asf,
}
