"""The registry of datasets: one entry per reader, from which config, conversion and labels follow.

A new dataset is a package that exports an ``ENTRY``, and a line in ``NAMES``; or an entry point
``rvd.datasets`` of another installed package (:mod:`rvd.plugins`). Nothing here imports torch or
opens a file of a dataset.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from rvd.datasets.base import VideoDatasetConfig
from rvd.datasets.entry import DatasetEntry
from rvd.plugins import installed_entries

# One line per dataset, in the order of the paper's tables.
NAMES = (
    "rvd.datasets.kth:ENTRY",
    "rvd.datasets.bair:ENTRY",
    "rvd.datasets.simulation:ENTRY",
    "rvd.datasets.cityscapes:ENTRY",
    "rvd.datasets.folder:ENTRY",
)

OWN: tuple[DatasetEntry, ...] = tuple(resolve_name(name) for name in NAMES)
ENTRIES: tuple[DatasetEntry, ...] = (
    *OWN,
    *installed_entries("rvd.datasets", DatasetEntry, OWN, DatasetEntry.conflict),
)
DATASETS: dict[str, DatasetEntry] = {entry.reader: entry for entry in ENTRIES}
LABELS: dict[str, str] = {}
for _entry in ENTRIES:
    LABELS |= {name: text for name, text in _entry.labels.items() if name not in LABELS}


def union_of(entries: Iterable[DatasetEntry]) -> Any:
    """Return the type of a section of the config's ``datasets``, told apart by its ``reader``."""
    configs = (entry.config for entry in entries)
    return Annotated[reduce(or_, configs), Field(discriminator="reader")]


if TYPE_CHECKING:
    Dataset = VideoDatasetConfig
else:
    Dataset = union_of(ENTRIES)


def dataset_label(dataset: str) -> str:
    """Return the label of a dataset's name (``kth`` → KTH), or the name if it has none."""
    return LABELS.get(dataset, dataset)
