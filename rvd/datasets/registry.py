"""The datasets: one entry per reader, from which config, conversion and labels follow.

A new dataset is a package next to those imported here, which exports an ``ENTRY``, and its line
below. Nothing here imports torch or opens a file.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from rvd.datasets import bair, cityscapes, folder, kth, simulation
from rvd.datasets.base import VideoDatasetConfig
from rvd.datasets.entry import DatasetEntry

# In the order of the paper's tables.
ENTRIES: tuple[DatasetEntry, ...] = (
    kth.ENTRY,
    bair.ENTRY,
    simulation.ENTRY,
    cityscapes.ENTRY,
    folder.ENTRY,
)

DATASETS: dict[str, DatasetEntry] = {entry.reader: entry for entry in ENTRIES}
LABELS: dict[str, str] = {name: text for entry in ENTRIES for name, text in entry.labels.items()}

# A section of the config's ``datasets``, told apart by its ``reader``.
if TYPE_CHECKING:
    Dataset = VideoDatasetConfig
else:
    Dataset = Annotated[
        reduce(or_, (entry.config for entry in ENTRIES)), Field(discriminator="reader")
    ]


def dataset_label(dataset: str) -> str:
    """Return the label of a dataset's name: ``kth`` → KTH; a name without one is returned."""
    return LABELS.get(dataset, dataset)
