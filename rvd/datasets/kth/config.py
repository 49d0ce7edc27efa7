"""KTH actions."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeInt

from rvd.datasets.download.config import DownloadedDatasetConfig


class KthConfig(DownloadedDatasetConfig):
    """KTH actions (Schüldt et al. 2004): each subsequence of ``00sequences.txt`` is a video.

    ``split`` names who is in which split (``PERSONS`` of the reader), ``test_from`` the frame at
    which the videos to test on begin, and ``may_fail`` the videos that are left out when they
    are missing or unreadable; any other such video stops the conversion.
    """

    reader: Literal["kth"]
    channels: Literal[1, 3] = 1
    split: Literal["authors", "svg"] = "authors"
    test_from: NonNegativeInt = 12
    may_fail: tuple[str, ...] = ("person01_boxing_d4", "person13_handclapping_d3")
