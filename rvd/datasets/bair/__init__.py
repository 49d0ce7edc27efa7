"""BAIR robot pushing (Ebert et al., 2017)."""

from rvd.datasets.bair.config import BairConfig
from rvd.datasets.entry import DatasetEntry

ENTRY = DatasetEntry("bair", BairConfig, "rvd.datasets.bair.reader:read", labels={"bair": "BAIR"})
