"""Forecasts made elsewhere."""

from rvd.models.entry import ModelEntry
from rvd.models.stored.config import StoredConfig

ENTRY = ModelEntry("stored", StoredConfig, opener="rvd.models.stored.model:open_stored")
