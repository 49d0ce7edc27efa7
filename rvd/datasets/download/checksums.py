"""Verification of downloaded files."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from rvd.datasets.download.config import RemoteFileConfig
from rvd.runtime.progress import progress

BLOCK = 2**20

# Offset and signature of archives. Servers often send a web page instead.
SIGNATURES = {".zip": (0, b"PK"), ".tar": (257, b"ustar")}
SIGNATURE_LENGTH = 512


class IntegrityError(Exception):
    """A file differs from what is expected. The caller adds the remedy to the message."""


def verify(path: Path, remote: RemoteFileConfig, name: str) -> str:
    """Verify the file ``name`` at ``path`` and return its SHA-256.

    A difference from ``unverified_sha1`` is only reported.

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
    if remote.unverified_sha1 not in (None, sha1.hexdigest()):
        print(
            f"{name}: warning: its SHA-1 is {sha1.hexdigest()}, not {remote.unverified_sha1}, "
            "which is unverified; the file is used",
            file=sys.stderr,
        )
    return sha256.hexdigest()


def wrong_signature(name: str, beginning: bytes) -> str | None:
    """Return why the first 512 bytes cannot belong to a file called ``name``, or None."""
    suffix = Path(name).suffix
    offset, expected = SIGNATURES.get(suffix, (0, b""))
    if beginning[offset : offset + len(expected)] != expected:
        return f"is not a {suffix.removeprefix('.')} archive (it begins with {beginning[:12]!r})"
    if suffix == ".txt" and beginning.lstrip().startswith(b"<"):
        return f"is a web page, not a text file (it begins with {beginning[:12]!r})"
    return None
