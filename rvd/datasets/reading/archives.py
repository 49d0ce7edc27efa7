"""Members of zip and tar archives, read in place without unpacking; archives are not trusted.

The index is read once. Each member then holds the position of its data, so that several threads
can read one archive without sharing a file handle or the (large) index of a zip.
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

# Local header of a zip: 26 bytes, then the lengths of the name and extra field that follow it.
LOCAL_HEADER = 30
LOCAL_SIGNATURE = b"PK\x03\x04"
# Deflate cannot compress by a factor above about 1032. Since the videos and pictures read here are
# compressed already, a member that claims more than this is a decompression bomb.
LARGEST_RATIO = 1000


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        archive: Path of the archive.
        name: Name of the member.
        offset: Position of the data in a tar, or of the local header in a zip.
        stored: Number of bytes as stored.
        size: Number of bytes after decompression.
        deflated: True if the data are compressed.
        crc: CRC-32 of the decompressed data; None in a tar, which has none.
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
        """Read the whole member and check its size and checksum.

        Raises:
            UserError: The member is truncated or corrupt.
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
    """List the files of a zip, in stored order.

    Args:
        path: Path of the archive.
        largest: Maximum size of a member in bytes.

    Raises:
        UserError: The file is not a zip or is truncated, or a member would leave its folder, is a
            link, is encrypted, is larger than ``largest`` or has an implausible compression ratio.
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
    """List the files of an uncompressed tar, in stored order.

    Args:
        path: Path of the archive.
        largest: Maximum size of a member in bytes.

    Raises:
        UserError: The file is not a tar or is truncated, or a member would leave its folder, is a
            link or a device, or is larger than ``largest``.
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
    # zipfile cuts names at a NUL and converts backslashes on Windows, so check the stored name.
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
    """Return the uncompressed data, at most one byte more than announced."""
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
    """Raise an error if ``name`` would leave its folder, or if there is a ``fault``."""
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


def sorted_by_name(members: list[Member]) -> Iterator[Member]:
    """Yield the members sorted by name, which is the temporal order in all datasets here.

    Raises:
        UserError: Two members have the same name.
    """
    last = None
    for member in sorted(members, key=lambda member: member.name):
        if last is not None and last.name == member.name:
            raise UserError(f"{member.archive}: refused, since it holds {member.name!r} twice")
        last = member
        yield member
