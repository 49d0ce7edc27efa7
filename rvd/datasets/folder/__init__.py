"""A user's own videos."""

from rvd.datasets.entry import DatasetEntry
from rvd.datasets.folder.config import FolderConfig

ENTRY = DatasetEntry("folder", FolderConfig, "rvd.datasets.folder.reader:read")
