"""The config sections of datasets that are downloaded, and of their files."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    Field,
    PositiveInt,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from rvd.config.section import Section
from rvd.datasets.base import Resize, VideoDatasetConfig

# A file in the dataset's own folder: no separators, nothing hidden.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9+._-]*$")]
Mirror = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@]+$")]
HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+$", to_lower=True)]
# This machine, where a server may be tried out: nothing is sent over a network.
LOCAL_HOSTS = ("127.0.0.1", "localhost")
LOGIN_HOSTS = ("www.cityscapes-dataset.com",)
PixelSize = tuple[PositiveInt, PositiveInt]
OfficialSplit = Literal["train", "val", "test"]


class RemoteFileConfig(Section):
    """A file to download, and its known properties."""

    path: str | None = None
    """Address below a mirror; null for the file's name."""
    bytes: PositiveInt | None = None
    """Size in bytes; null where it is not known."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 checksum, 64 hexadecimal digits: a file that differs is refused. Null where it is not
    known."""
    unverified_sha1: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")] | None = None
    """SHA-1 checksum from an unofficial source, 40 hexadecimal digits: a file that differs is
    reported and used."""


class DownloadConfig(Section):
    """The origin of a dataset's files."""

    mirrors: tuple[Mirror, ...] = Field(min_length=1)
    """Addresses (http or https), tried in order, to which each file's `path` is appended."""
    files: dict[FileName, RemoteFileConfig] = Field(min_length=1)
    """Name of each file → its known properties."""
    login: str | None = None
    """Page below a mirror that takes a user name and a password (`docs/data.md` describes how they
    are given; they are never part of a config); null for none."""
    login_hosts: tuple[HostName, ...] = LOGIN_HOSTS
    """Hosts that the user name and the password may be sent to, over https. With `login`, a mirror
    on another host is refused."""

    @model_validator(mode="after")
    def _the_password_goes_to_its_host_only(self) -> Self:
        for mirror in self.mirrors if self.login is not None else ():
            require_login_host(mirror, self.login_hosts)
        return self

    @model_serializer(mode="wrap")
    def _without_the_usual_hosts(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # The section is stored in video files: converted again, they keep their fingerprint.
        values: dict[str, Any] = dump(self)
        if self.login_hosts == LOGIN_HOSTS:
            values.pop("login_hosts", None)
        return values


def require_login_host(mirror: str, hosts: tuple[str, ...]) -> None:
    """Refuse a mirror that a password must not be sent to.

    Raises:
        ValueError: It is neither local nor one of ``hosts`` over https.
    """
    address = urlsplit(mirror)
    if address.hostname in LOCAL_HOSTS:
        return
    if address.scheme != "https":
        raise ValueError(f"{mirror}: a password is only sent over https")
    if address.hostname not in hosts:
        raise ValueError(
            f"{mirror}: a password is not sent to this host; if it is right, add "
            f"'{address.hostname}' to login_hosts"
        )


class DownloadedDatasetConfig(VideoDatasetConfig):
    """A dataset that is built from downloaded archives."""

    download: DownloadConfig
    """Origin of the archives."""
    resize: Resize = "area"
    """Interpolation to `size`, which the paper does not state: `area` (mean over the area of a
    pixel), `linear`, `cubic`, `lanczos` or `nearest`."""
