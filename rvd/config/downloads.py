"""Datasets that are downloaded: KTH actions, BAIR robot pushing, Cityscapes."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, StringConstraints, model_validator

from rvd.config.section import Section
from rvd.config.video_dataset import Resize, VideoDataset

# A file in the dataset's own folder: no separators, nothing hidden.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9+._-]*$")]
Mirror = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@]+$")]
PixelSize = tuple[PositiveInt, PositiveInt]
OfficialSplit = Literal["train", "val", "test"]


class RemoteFile(Section):
    """One file to download.

    ``path`` is its address below a mirror (its name when left out), ``bytes`` its size, ``sha256``
    its checksum. A file that differs from ``sha256`` is refused; one that differs from
    ``unverified_sha1``, which no one vouches for, is reported.
    """

    path: str | None = None
    bytes: PositiveInt | None = None
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    unverified_sha1: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")] | None = None


class Download(Section):
    """Where a dataset's files come from: ``mirrors`` are tried in order.

    ``login`` is the page, below a mirror, that takes a user name and a password (which never stand
    in a config).
    """

    mirrors: tuple[Mirror, ...] = Field(min_length=1)
    files: dict[FileName, RemoteFile] = Field(min_length=1)
    login: str | None = None


class DownloadedDataset(VideoDataset):
    """A dataset made from downloaded archives; ``resize`` is how frames are brought to ``size``."""

    download: Download
    resize: Resize = "area"


class KthDataset(DownloadedDataset):
    """KTH actions (Schüldt et al. 2004): each subsequence of ``00sequences.txt`` is a video.

    ``split`` names who is in which split (``rvd.datasets.kth.PERSONS``), ``test_from`` the frame
    at which the videos to test on begin, and ``may_fail`` the videos that are left out when they
    are missing or unreadable; any other such video stops the conversion.
    """

    reader: Literal["kth"]
    channels: Literal[1, 3] = 1
    split: Literal["authors", "svg"] = "authors"
    test_from: NonNegativeInt = 12
    may_fail: tuple[str, ...] = ("person01_boxing_d4", "person13_handclapping_d3")


class BairDataset(DownloadedDataset):
    """BAIR robot pushing (Ebert et al. 2017): each record is a video.

    ``camera`` is the feature that is read, ``stored`` its size (width, height) in the records,
    ``frames`` their number. ``validation`` videos, the last of the training files, become the
    split that the archive lacks. ``videos`` are those of the archive: another number is an error.
    """

    reader: Literal["bair"]
    channels: Literal[1, 3] = 3
    camera: Literal["image_aux1", "image_main"] = "image_aux1"
    stored: PixelSize = (64, 64)
    frames: PositiveInt = 30
    validation: PositiveInt = 256
    videos: dict[Literal["train", "test"], PositiveInt] | None = None

    def shortest(self, split: str) -> int | None:
        """Every video has the same number of frames."""
        return self.frames


class CityscapesDataset(DownloadedDataset):
    """Cityscapes (Cordts et al. 2016): each snippet of consecutive frames is a video.

    ``stored`` is the size (width, height) of the archive's pictures, ``frames`` the length of a
    snippet, ``splits`` which of the archive's splits each of ours is, and ``videos`` how many
    snippets the archive's splits hold: another number is an error.
    """

    reader: Literal["cityscapes"]
    channels: Literal[1, 3] = 3
    stored: PixelSize = (2048, 1024)
    frames: PositiveInt = 30
    splits: dict[OfficialSplit, OfficialSplit] = Field(
        default={"train": "train", "val": "test", "test": "val"}
    )
    videos: dict[OfficialSplit, PositiveInt] | None = None

    @model_validator(mode="after")
    def _every_split_once(self) -> Self:
        if len(self.splits) != 3 or len(set(self.splits.values())) != 3:
            raise ValueError("splits: train, val and test each need one of train, val and test")
        return self

    def shortest(self, split: str) -> int | None:
        """Every snippet has the same number of frames."""
        return self.frames
