"""FutureGAN, which grows (Aigner and Körner, 2018)."""

from rvd.models.entry import ModelEntry
from rvd.models.future_gan.config import FutureGanConfig

ENTRY = ModelEntry(
    "future-gan",
    FutureGanConfig,
    "rvd.models.future_gan.model:FutureGan",
    labels={"future-gan": "FutureGAN"},
)
