"""Cityscapes (Cordts et al., 2016)."""

from rvd.datasets.cityscapes.config import CityscapesConfig
from rvd.datasets.entry import DatasetEntry

ENTRY = DatasetEntry(
    "cityscapes",
    CityscapesConfig,
    "rvd.datasets.cityscapes.reader:read",
    labels={"cityscapes": "Cityscapes"},
)
