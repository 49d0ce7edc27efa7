"""Checkpoints trained elsewhere."""

from rvd.models.entry import ModelEntry
from rvd.models.pretrained.config import PretrainedConfig

ENTRY = ModelEntry(
    "pretrained",
    PretrainedConfig,
    opener="rvd.models.pretrained.importing:open_pretrained",
)
