"""TFRecord files: checked records of ``Example`` and ``SequenceExample`` messages.

A record is its length (uint64, little endian), that length's masked CRC-32C, the bytes, and their
masked CRC-32C (https://www.tensorflow.org/tutorials/load_data/tfrecord). TensorFlow itself would
be 600 MB of dependency for this one format.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import google_crc32c
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

MASK_DELTA = 0xA282EAD8


class BadRecord(Exception):  # noqa: N818 (the reader says which file it is in)
    """A record is truncated or corrupt; the message says how."""


class Record(NamedTuple):
    """Where a record's bytes lie in its file, and their masked checksum."""

    offset: int
    length: int
    checksum: int


def masked_crc32c(data: bytes) -> int:
    """The checksum of TFRecord: CRC-32C, rotated right by 15 bits, plus a constant (modulo 2³²)."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + MASK_DELTA) & 0xFFFFFFFF


def index(file: BinaryIO, offset: int, size: int) -> Iterator[Record]:
    """The records of a TFRecord file that lies within ``file``, without reading their bytes.

    Args:
        file: opened for reading; its position is moved.
        offset: where the TFRecord file begins in it.
        size: its length in bytes.

    Raises:
        BadRecord: the file is truncated, or a length is corrupt.
    """
    position, end = offset, offset + size
    while position < end:
        number = f"the record at byte {position - offset}"
        file.seek(position)
        header = file.read(min(12, end - position))
        if len(header) < 12:
            raise BadRecord(f"{number} is truncated")
        length, checksum = struct.unpack("<QI", header)
        if position == offset and (packing := _compression(header)):
            raise BadRecord(f"the file is compressed by {packing}; decompress it first")
        if masked_crc32c(header[:8]) != checksum:
            raise BadRecord(f"{number} is corrupt (the CRC-32C of its length differs)")
        if position + 12 + length + 4 > end:
            raise BadRecord(f"{number} is truncated")
        file.seek(position + 12 + length)
        (checksum,) = struct.unpack("<I", file.read(4))
        yield Record(position + 12, length, checksum)
        position += 12 + length + 4


def _compression(header: bytes) -> str | None:
    """TensorFlow's name for what a file was compressed by, from its first bytes."""
    if header.startswith(b"\x1f\x8b"):
        return "GZIP"
    # zlib: deflate with a window of 32 KiB, and a check of both bytes; a length's byte 7 is zero.
    if header[0] == 0x78 and int.from_bytes(header[:2], "big") % 31 == 0 and header[7]:
        return "ZLIB"
    return None


def read_record(file: BinaryIO, record: Record) -> bytes:
    """The bytes of a record.

    Raises:
        BadRecord: it is truncated, or its checksum differs.
    """
    file.seek(record.offset)
    data = file.read(record.length)
    if len(data) != record.length:
        raise BadRecord("a record is truncated")
    if masked_crc32c(data) != record.checksum:
        raise BadRecord(f"the record at byte {record.offset} is corrupt (its CRC-32C differs)")
    return data


def features(message: bytes, suffix: str = "") -> dict[str, list[bytes]]:
    """The features of an ``Example``, or of the context of a ``SequenceExample``, that hold bytes.

    Both messages hold a ``Features`` message in field 1. Other features are left out, and those
    whose name does not end in ``suffix``.

    Raises:
        BadRecord: the message cannot be parsed.
    """
    parsed = _Example()
    try:
        parsed.ParseFromString(message)
    except DecodeError as error:
        raise BadRecord(f"its message cannot be parsed ({error})") from None
    return {
        name: list(feature.bytes_list.value)
        for name, feature in parsed.features.feature.items()
        if name.endswith(suffix) and feature.HasField("bytes_list")
    }


def _example_class() -> Any:
    """The part of TensorFlow's ``example.proto`` and ``feature.proto`` that holds bytes."""
    file = FileDescriptorProto(name="rvd/example.proto", package="rvd", syntax="proto3")
    kinds = FieldDescriptorProto
    one, many = kinds.LABEL_OPTIONAL, kinds.LABEL_REPEATED

    def message(name: str, *fields: tuple[str, int, int, int, str]) -> DescriptorProto:
        described = [
            kinds(name=field, number=number, label=label, type=kind, type_name=of or None)
            for field, number, label, kind, of in fields
        ]
        return DescriptorProto(name=name, field=described)

    entry = message(
        "FeatureEntry",
        ("key", 1, one, kinds.TYPE_STRING, ""),
        ("value", 2, one, kinds.TYPE_MESSAGE, ".rvd.Feature"),
    )
    entry.options.map_entry = True
    by_name = ".rvd.Features.FeatureEntry"
    holder = message("Features", ("feature", 1, many, kinds.TYPE_MESSAGE, by_name))
    holder.nested_type.append(entry)
    file.message_type.extend(
        [
            message("BytesList", ("value", 1, many, kinds.TYPE_BYTES, "")),
            message("Feature", ("bytes_list", 1, one, kinds.TYPE_MESSAGE, ".rvd.BytesList")),
            holder,
            message("Example", ("features", 1, one, kinds.TYPE_MESSAGE, ".rvd.Features")),
        ]
    )
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("rvd.Example"))


_Example = _example_class()
