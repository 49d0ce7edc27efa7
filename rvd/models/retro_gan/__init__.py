"""Retrospective Cycle GAN (Kwon and Park, 2019)."""

from rvd.models.entry import ModelEntry
from rvd.models.retro_gan.config import RetroGanConfig

ENTRY = ModelEntry(
    "retrospective-cycle-gan",
    RetroGanConfig,
    "rvd.models.retro_gan.model:RetroGan",
    labels={"retro-gan": "RetroGAN"},
)
