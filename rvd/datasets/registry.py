"""The registry of datasets: one entry per reader, from which config, conversion and labels follow.

A new dataset is a package that exports an ``ENTRY``, and a line in ``NAMES``. Nothing here imports
torch or opens a file.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from rvd.datasets.base import VideoDatasetConfig
from rvd.datasets.entry import DatasetEntry

# One line per dataset, in the order of the paper's tables.
NAMES = (
    "rvd.datasets.kth:ENTRY",
    "rvd.datasets.bair:ENTRY",
    "rvd.datasets.simulation:ENTRY",
    "rvd.datasets.cityscapes:ENTRY",
    "rvd.datasets.folder:ENTRY",
)

ENTRIES: tuple[DatasetEntry, ...] = tuple(resolve_name(name) for name in NAMES)
DATASETS: dict[str, DatasetEntry] = {entry.reader: entry for entry in ENTRIES}
LABELS: dict[str, str] = {name: text for entry in ENTRIES for name, text in entry.labels.items()}

# Any section of the config's ``datasets``, discriminated by its ``reader``.
if TYPE_CHECKING:
    Dataset = VideoDatasetConfig
else:
    Dataset = Annotated[
        reduce(or_, (entry.config for entry in ENTRIES)), Field(discriminator="reader")
    ]


def dataset_label(dataset: str) -> str:
    """Return the label of a dataset's name (``kth`` → KTH), or the name if it has none."""
    return LABELS.get(dataset, dataset)
