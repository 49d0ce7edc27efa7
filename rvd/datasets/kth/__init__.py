"""KTH actions (Schüldt et al., 2004)."""

from rvd.datasets.entry import DatasetEntry
from rvd.datasets.kth.config import KthConfig

ENTRY = DatasetEntry("kth", KthConfig, "rvd.datasets.kth.reader:read", labels={"kth": "KTH"})
