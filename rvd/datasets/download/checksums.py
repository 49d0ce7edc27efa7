"""Verification of downloaded files.

Where no SHA-256 is published, that of the first download is recorded, and the file is compared with
it on every later use (trust on first use).
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

from rvd.datasets.download.config import RemoteFileConfig
from rvd.errors import UserError
from rvd.files import reason
from rvd.runtime.progress import progress

BLOCK = 2**20

# Offset and signature of archives. Servers often send a web page instead.
SIGNATURES = {".zip": (0, b"PK"), ".tar": (257, b"ustar")}
SIGNATURE_LENGTH = 512


class IntegrityError(Exception):
    """A file differs from what is expected. The caller adds the remedy to the message."""


def verify(path: Path, remote: RemoteFileConfig, name: str, first: str | None = None) -> str:
    """Verify the file ``name`` at ``path`` and return its SHA-256.

    A difference from ``unverified_sha1`` is only reported.

    Args:
        path: Path of the file.
        remote: Known properties of the file.
        name: Name of the file, whose suffix decides on its signature.
        first: SHA-256 recorded at first download, which is compared where ``remote`` has none.

    Raises:
        IntegrityError: The file is empty, or has a wrong size, checksum or signature.
    """
    size = path.stat().st_size if path.is_file() else 0
    if not size:
        raise IntegrityError("is not a file, or is empty")
    if remote.bytes not in (None, size):
        raise IntegrityError(f"has {size} bytes, not {remote.bytes}")
    sha256, sha1 = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
    with path.open("rb") as file, progress(size, f"check {name}", "B", scale=True) as bar:
        if fault := wrong_signature(name, file.read(SIGNATURE_LENGTH)):
            raise IntegrityError(fault)
        file.seek(0)
        while block := file.read(BLOCK):
            sha256.update(block)
            if remote.unverified_sha1:
                sha1.update(block)
            bar.update(len(block))
    if remote.sha256 not in (None, sha256.hexdigest()):
        raise IntegrityError(
            f"its SHA-256 is {sha256.hexdigest()}, not {remote.sha256}: damaged, or another file"
        )
    if remote.sha256 is None and first not in (None, sha256.hexdigest()):
        raise IntegrityError(
            f"its SHA-256 is {sha256.hexdigest()}, not {first} as recorded at first download: "
            f"damaged, or another file (remove {name}.sha256, too, to accept another one)"
        )
    if remote.unverified_sha1 not in (None, sha1.hexdigest()):
        print(
            f"{name}: warning: its SHA-1 is {sha1.hexdigest()}, not {remote.unverified_sha1}, "
            "which is unverified; the file is used",
            file=sys.stderr,
        )
    return sha256.hexdigest()


def recorded(record: Path) -> str | None:
    """Return the SHA-256 in a checksum record, None if there is no record.

    Raises:
        UserError: The file is not a checksum record, or cannot be read.
    """
    try:
        text = record.read_text(errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{record}: cannot be read ({reason(error)})") from None
    found = re.match("([0-9a-f]{64})  ", text)
    if found is None:
        raise UserError(f"{record}: is not a record of a checksum; remove it to write it again")
    return found[1]


def require_unchanged(record: Path) -> Path:
    """Return the file that ``record`` belongs to, which lies next to it.

    It is compared with the record if it was changed, replaced or moved after the record was
    written, according to the file system.

    Raises:
        UserError: The file differs from its record.
    """
    path = record.with_suffix("")
    exist = path.is_file() and record.is_file()
    if exist and path.stat().st_ctime_ns > record.stat().st_mtime_ns:
        try:
            verify(path, RemoteFileConfig(), path.name, recorded(record))
        except IntegrityError as error:
            raise UserError(f"{path}: {error}") from None
    return path


def wrong_signature(name: str, beginning: bytes) -> str | None:
    """Return why the first 512 bytes cannot belong to a file called ``name``, or None."""
    suffix = Path(name).suffix
    offset, expected = SIGNATURES.get(suffix, (0, b""))
    if beginning[offset : offset + len(expected)] != expected:
        return f"is not a {suffix.removeprefix('.')} archive (it begins with {beginning[:12]!r})"
    if suffix == ".txt" and beginning.lstrip().startswith(b"<"):
        return f"is a web page, not a text file (it begins with {beginning[:12]!r})"
    return None
