"""Members of zip and tar archives, read in place: nothing is unpacked, nothing is trusted.

An index is made once; each member then says where its bytes lie, so that many threads read one
archive without sharing a file handle or the (large) index of a zip.
"""

from __future__ import annotations

import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from rvd.errors import UserError
from rvd.files import reason

# A zip's local header: 26 bytes, then the lengths of the name and of the extra field after them.
LOCAL_HEADER = 30
LOCAL_SIGNATURE = b"PK\x03\x04"
# Deflate cannot shrink by more than about 1032; a member that claims more than this is a bomb made
# to pass for video. (The videos and pictures read here are compressed already.)
LARGEST_RATIO = 1000


@dataclass(frozen=True)
class Member:
    """A file within an archive: where its bytes lie and what is known of them.

    ``offset`` is that of the data in a tar, of the local header in a zip; ``stored`` and ``size``
    are its bytes as stored and as read, ``crc`` its CRC-32 (None in a tar, which has none).
    """

    archive: Path
    name: str
    offset: int
    stored: int
    size: int
    deflated: bool = False
    crc: int | None = None

    def __str__(self) -> str:
        return f"{self.archive}: {self.name}"

    def read(self) -> bytes:
        """The whole member, checked against its size and checksum.

        Raises:
            UserError: it is truncated or corrupt.
        """
        try:
            with self.archive.open("rb") as file:
                if self.crc is None:
                    file.seek(self.offset)
                    data = file.read(self.stored)
                else:
                    data = _zip_data(file, self)
        except OSError as error:
            raise UserError(f"{self}: cannot be read ({reason(error)})") from None
        if len(data) != self.size:
            raise UserError(f"{self}: is truncated ({len(data)} of {self.size} bytes)")
        if self.crc is not None and zlib.crc32(data) != self.crc:
            raise UserError(f"{self}: is corrupt (its CRC-32 differs)")
        return data


def zip_members(path: Path, largest: int) -> list[Member]:
    """The files of a zip, in its order.

    Args:
        path: the archive.
        largest: bytes that a member may have at the most.

    Raises:
        UserError: it is no zip or is truncated, or a member would leave its folder, is a link, is
            encrypted, is larger than ``largest`` or is compressed as nothing real is.
    """
    _present(path)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.filename.endswith("/")]
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError) as error:
        raise UserError(f"{path}: is not a whole zip archive ({error})") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({reason(error)})") from None
    return [_zip_member(path, info, largest) for info in infos]


def tar_members(path: Path, largest: int) -> list[Member]:
    """The files of an uncompressed tar, in its order.

    Args:
        path: the archive.
        largest: bytes that a member may have at the most.

    Raises:
        UserError: it is no tar or is truncated, or a member would leave its folder, is a link or a
            device, or is larger than ``largest``.
    """
    _present(path)
    members = []
    try:
        end = path.stat().st_size
        with tarfile.open(path, "r:") as archive:
            for info in archive:
                _refuse(path, info.name, None if info.isfile() or info.isdir() else "is a link")
                if info.isdir():
                    continue
                if info.offset_data + info.size > end:
                    raise UserError(f"{path}: {info.name}: is truncated, as the archive is")
                _refuse(path, info.name, _too_large(info.size, largest))
                members.append(Member(path, info.name, info.offset_data, info.size, info.size))
    except tarfile.TarError as error:
        raise UserError(f"{path}: is not a whole tar archive ({error})") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({reason(error)})") from None
    return members


def _zip_member(path: Path, info: zipfile.ZipInfo, largest: int) -> Member:
    fault = None
    if stat.S_ISLNK(info.external_attr >> 16):
        fault = "is a link"
    elif info.flag_bits & 1:
        fault = "is encrypted"
    elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        fault = f"is compressed by method {info.compress_type}, not by deflate"
    elif info.file_size > LARGEST_RATIO * max(info.compress_size, 1):
        fault = f"would grow from {info.compress_size} to {info.file_size} bytes"
    # zipfile cuts names at a NUL and turns backslashes on Windows: the name as stored counts.
    _refuse(path, info.orig_filename, fault or _too_large(info.file_size, largest))
    deflated = info.compress_type == zipfile.ZIP_DEFLATED
    return Member(
        path,
        info.filename,
        info.header_offset,
        info.compress_size,
        info.file_size,
        deflated,
        info.CRC,
    )


def _zip_data(file: BinaryIO, member: Member) -> bytes:
    """The uncompressed bytes, at most one more than announced."""
    file.seek(member.offset)
    header = file.read(LOCAL_HEADER)
    if len(header) < LOCAL_HEADER or header[:4] != LOCAL_SIGNATURE:
        raise UserError(f"{member}: is corrupt (it does not lie where the index says)")
    name, extra = struct.unpack("<HH", header[26:])
    file.seek(name + extra, os.SEEK_CUR)
    data = file.read(member.stored)
    if not member.deflated or len(data) != member.stored:
        return data
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, member.size + 1)
    except zlib.error as error:
        raise UserError(f"{member}: is corrupt ({error})") from None


def _refuse(path: Path, name: str, fault: str | None) -> None:
    """Raise when ``name`` would leave its folder, or for ``fault``."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not name:
        fault = "has no name"
    elif name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":"):
        fault = "has an absolute path"
    elif ".." in parts or "\0" in name:
        fault = "would leave its folder"
    if fault:
        raise UserError(f"{path}: refused, since its member {name!r} {fault}")


def _too_large(size: int, largest: int) -> str | None:
    return f"has {size} bytes, more than {largest}" if size > largest else None


def _present(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")


def by_name(members: list[Member]) -> Iterator[Member]:
    """The members in the order of their names, which is that of time in all datasets here.

    Raises:
        UserError: two members have one name.
    """
    last = None
    for member in sorted(members, key=lambda member: member.name):
        if last is not None and last.name == member.name:
            raise UserError(f"{member.archive}: refused, since it holds {member.name!r} twice")
        last = member
        yield member
