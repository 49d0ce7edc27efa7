"""The config section of KTH actions."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeInt

from rvd.datasets.download.config import DownloadedDatasetConfig


class KthConfig(DownloadedDatasetConfig):
    """KTH actions (Schüldt et al. 2004): each subsequence of `00sequences.txt` is a video."""

    reader: Literal["kth"]
    """Six zips of AVI files, and the list of subsequences."""
    channels: Literal[1, 3] = 1
    """1 (grey) or 3 (the grey frame in each of three channels)."""
    split: Literal["authors", "svg"] = "authors"
    """Persons in each split, which the paper does not state: `authors` (as in the authors' code,
    tested on the persons that it tests on) or `svg` (as SVG and MCVD: persons 21–25 are `test`,
    person 20 is held out as `val`, and the others are `train`)."""
    test_from: NonNegativeInt = 12
    """Frame at which the test videos begin; not stated in the paper, as in the authors' code."""
    may_fail: tuple[str, ...] = ("person01_boxing_d4", "person13_handclapping_d3")
    """Videos that are left out when they are missing or unreadable; any other such video stops the
    conversion. By default one that is reported to be corrupt, and one that does not exist."""
