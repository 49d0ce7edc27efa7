"""Whether a downloaded file is the one that is meant."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from rvd.datasets.download.config import RemoteFileConfig
from rvd.runtime.progress import progress

BLOCK = 2**20

# How archives begin: web pages in their place are usual.
BEGINNINGS = {".zip": (0, b"PK"), ".tar": (257, b"ustar")}
BEGINNING = 512


class Mismatch(Exception):  # noqa: N818 (the caller says what to do)
    """A file is not what it should be; the message says how."""


def checked(path: Path, remote: RemoteFileConfig, name: str) -> str:
    """The SHA-256 of ``path``, once all that is known of the file called ``name`` is compared.

    A difference from ``unverified_sha1`` is reported, and no more.

    Raises:
        Mismatch: it is empty, has another size or checksum, or does not begin as its name says.
    """
    size = path.stat().st_size if path.is_file() else 0
    if not size:
        raise Mismatch("is no file, or an empty one")
    if remote.bytes not in (None, size):
        raise Mismatch(f"has {size} bytes, not {remote.bytes}")
    sha256, sha1 = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
    with path.open("rb") as file, progress(size, f"check {name}", "B", scale=True) as bar:
        if fault := begins_wrong(name, file.read(BEGINNING)):
            raise Mismatch(fault)
        file.seek(0)
        while block := file.read(BLOCK):
            sha256.update(block)
            if remote.unverified_sha1:
                sha1.update(block)
            bar.update(len(block))
    if remote.sha256 not in (None, sha256.hexdigest()):
        raise Mismatch(
            f"its SHA-256 is {sha256.hexdigest()}, not {remote.sha256}: damaged, or another file"
        )
    if remote.unverified_sha1 not in (None, sha1.hexdigest()):
        print(
            f"{name}: warning: its SHA-1 is {sha1.hexdigest()}, not {remote.unverified_sha1}, "
            "which no one vouches for; the file is used",
            file=sys.stderr,
        )
    return sha256.hexdigest()


def begins_wrong(name: str, beginning: bytes) -> str | None:
    """Why the first 512 bytes cannot be those of a file called ``name``, or None."""
    suffix = Path(name).suffix
    offset, expected = BEGINNINGS.get(suffix, (0, b""))
    if beginning[offset : offset + len(expected)] != expected:
        return f"is no {suffix.removeprefix('.')} archive (it begins with {beginning[:12]!r})"
    if suffix == ".txt" and beginning.lstrip().startswith(b"<"):
        return f"is a web page, no text (it begins with {beginning[:12]!r})"
    return None
