"""TFRecord files: checked records of ``Example`` and ``SequenceExample`` messages.

A record is its length (uint64, little endian), that length's masked CRC-32C, the bytes, and their
masked CRC-32C (https://www.tensorflow.org/tutorials/load_data/tfrecord). TensorFlow itself would
be 600 MB of dependency for this one format.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected
MASK_DELTA = 0xA282EAD8


class BadRecord(Exception):  # noqa: N818 (the reader says which file it is in)
    """A record is truncated or corrupt; the message says how."""


class Record(NamedTuple):
    """Where a record's bytes lie in its file, and their masked checksum."""

    offset: int
    length: int
    checksum: int


def _tables() -> NDArray[np.uint32]:
    """Row k: the CRC of a byte followed by k zero bytes (slicing by eight)."""
    tables = np.zeros((8, 256), np.uint32)
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
        tables[0, byte] = crc
    for row in range(1, 8):
        before = tables[row - 1]
        tables[row] = before >> 8 ^ tables[0][before & 0xFF]
    return tables


TABLES = _tables()


@numba.njit(nogil=True, cache=True)
def _crc32c(data: NDArray[np.uint8], tables: NDArray[np.uint32]) -> Any:
    crc = np.uint32(0xFFFFFFFF)
    whole = data.size // 8 * 8
    for start in range(0, whole, 8):
        crc = (
            tables[7, data[start] ^ (crc & 0xFF)]
            ^ tables[6, data[start + 1] ^ (crc >> 8 & 0xFF)]
            ^ tables[5, data[start + 2] ^ (crc >> 16 & 0xFF)]
            ^ tables[4, data[start + 3] ^ (crc >> 24)]
            ^ tables[3, data[start + 4]]
            ^ tables[2, data[start + 5]]
            ^ tables[1, data[start + 6]]
            ^ tables[0, data[start + 7]]
        )
    for index in range(whole, data.size):
        crc = crc >> 8 ^ tables[0, data[index] ^ (crc & 0xFF)]
    return ~crc


def masked_crc32c(data: bytes) -> int:
    """The checksum of TFRecord: CRC-32C, rotated right by 15 bits, plus a constant (modulo 2³²)."""
    crc = int(_crc32c(np.frombuffer(data, np.uint8), TABLES)) & 0xFFFFFFFF
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
        if masked_crc32c(header[:8]) != checksum:
            raise BadRecord(f"{number} is corrupt (the CRC-32C of its length differs)")
        if position + 12 + length + 4 > end:
            raise BadRecord(f"{number} is truncated")
        file.seek(position + 12 + length)
        (checksum,) = struct.unpack("<I", file.read(4))
        yield Record(position + 12, length, checksum)
        position += 12 + length + 4


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


def features(message: bytes) -> dict[str, list[bytes]]:
    """The features of an ``Example``, or of the context of a ``SequenceExample``, that hold bytes.

    Both messages hold a ``Features`` message in field 1; it maps a name (field 1 of an entry) to a
    ``Feature`` (field 2), which holds a ``BytesList`` in its field 1. Other features are left out.

    Raises:
        BadRecord: the message cannot be parsed.
    """
    found = {}
    for holder in _fields(memoryview(message), 1):
        for entry in _fields(holder, 1):
            names, values = list(_fields(entry, 1)), list(_fields(entry, 2))
            if not names or not values:
                continue
            lists = list(_fields(values[-1], 1))
            if lists:
                try:
                    name = bytes(names[-1]).decode()
                except UnicodeDecodeError:
                    raise BadRecord("a feature's name is no text") from None
                found[name] = [bytes(value) for value in _fields(lists[-1], 1)]
    return found


def _fields(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """The values of the length-delimited fields of number ``wanted``."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            _, position = _varint(message, position)
            continue
        if kind == 2:
            length, position = _varint(message, position)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise BadRecord(f"a message holds a field of wire type {kind}")
        if position + length > len(message):
            raise BadRecord("a message ends within a field")
        if kind == 2 and number == wanted:
            yield message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """An integer of seven bits a byte, lowest first, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise BadRecord("a message ends within a number")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise BadRecord("a message holds a number of more than 64 bits")
