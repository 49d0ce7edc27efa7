"""Datasets that are downloaded: KTH actions, BAIR robot pushing, Cityscapes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, StringConstraints

from rvd.config.section import Section
from rvd.datasets.base import Resize, VideoDatasetConfig

# A file in the dataset's own folder: no separators, nothing hidden.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9+._-]*$")]
Mirror = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@]+$")]
PixelSize = tuple[PositiveInt, PositiveInt]
OfficialSplit = Literal["train", "val", "test"]


class RemoteFileConfig(Section):
    """One file to download.

    ``path`` is its address below a mirror (its name when left out), ``bytes`` its size, ``sha256``
    its checksum. A file that differs from ``sha256`` is refused; one that differs from
    ``unverified_sha1``, which no one vouches for, is reported.
    """

    path: str | None = None
    bytes: PositiveInt | None = None
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    unverified_sha1: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")] | None = None


class DownloadConfig(Section):
    """Where a dataset's files come from: ``mirrors`` are tried in order.

    ``login`` is the page, below a mirror, that takes a user name and a password (which never stand
    in a config).
    """

    mirrors: tuple[Mirror, ...] = Field(min_length=1)
    files: dict[FileName, RemoteFileConfig] = Field(min_length=1)
    login: str | None = None


class DownloadedDatasetConfig(VideoDatasetConfig):
    """A dataset made from downloaded archives; ``resize`` is how frames are brought to ``size``."""

    download: DownloadConfig
    resize: Resize = "area"
