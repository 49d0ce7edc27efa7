"""TFRecord files: checked records of ``Example`` and ``SequenceExample`` messages.

A record consists of its length (uint64, little endian), the masked CRC-32C of the length, the data,
and the masked CRC-32C of the data (https://www.tensorflow.org/tutorials/load_data/tfrecord).
TensorFlow itself would be a 600 MB dependency for this one format.
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


class RecordError(Exception):
    """A record is truncated or corrupt. The reader adds the file name to the message."""


class Record(NamedTuple):
    """Position of a record's data in its file, and their masked checksum."""

    offset: int
    length: int
    checksum: int


def masked_crc32c(data: bytes) -> int:
    """Return TFRecord's checksum: CRC-32C rotated right by 15 bits plus a constant, modulo 2³²."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + MASK_DELTA) & 0xFFFFFFFF


def index_records(file: BinaryIO, offset: int, size: int) -> Iterator[Record]:
    """Yield the records of a TFRecord file embedded in ``file``, without reading their data.

    Args:
        file: File opened for reading; its position changes.
        offset: Position at which the TFRecord file begins.
        size: Length of the TFRecord file in bytes.

    Raises:
        RecordError: The file is truncated, or a length is corrupt.
    """
    position, end = offset, offset + size
    while position < end:
        number = f"the record at byte {position - offset}"
        file.seek(position)
        header = file.read(min(12, end - position))
        if len(header) < 12:
            raise RecordError(f"{number} is truncated")
        length, checksum = struct.unpack("<QI", header)
        if position == offset and (packing := _compression(header)):
            raise RecordError(f"the file is compressed by {packing}; decompress it first")
        if masked_crc32c(header[:8]) != checksum:
            raise RecordError(f"{number} is corrupt (the CRC-32C of its length differs)")
        if position + 12 + length + 4 > end:
            raise RecordError(f"{number} is truncated")
        file.seek(position + 12 + length)
        (checksum,) = struct.unpack("<I", file.read(4))
        yield Record(position + 12, length, checksum)
        position += 12 + length + 4


def _compression(header: bytes) -> str | None:
    """Return TensorFlow's name of a file's compression, from its first bytes, or None."""
    if header.startswith(b"\x1f\x8b"):
        return "GZIP"
    # zlib: deflate with a 32 KiB window, and a checksum of both bytes; byte 7 of a length is zero.
    if header[0] == 0x78 and int.from_bytes(header[:2], "big") % 31 == 0 and header[7]:
        return "ZLIB"
    return None


def read_record(file: BinaryIO, record: Record) -> bytes:
    """Read the data of a record.

    Raises:
        RecordError: The record is truncated, or its checksum differs.
    """
    file.seek(record.offset)
    data = file.read(record.length)
    if len(data) != record.length:
        raise RecordError("a record is truncated")
    if masked_crc32c(data) != record.checksum:
        raise RecordError(f"the record at byte {record.offset} is corrupt (its CRC-32C differs)")
    return data


def read_features(message: bytes, suffix: str = "") -> dict[str, list[bytes]]:
    """Return the byte features of an ``Example``, or of the context of a ``SequenceExample``.

    Both messages have a ``Features`` message in field 1. Features of other types, and those whose
    name does not end in ``suffix``, are omitted.

    Raises:
        RecordError: The message cannot be parsed.
    """
    parsed = _Example()
    try:
        parsed.ParseFromString(message)
    except DecodeError as error:
        raise RecordError(f"its message cannot be parsed ({error})") from None
    return {
        name: list(feature.bytes_list.value)
        for name, feature in parsed.features.feature.items()
        if name.endswith(suffix) and feature.HasField("bytes_list")
    }


def _example_class() -> Any:
    """Build the part of TensorFlow's ``example.proto`` and ``feature.proto`` that holds bytes."""
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
