"""DVD-GAN for frame prediction (Clark et al., 2019)."""

from rvd.models.dvd_gan.config import DvdGanConfig
from rvd.models.entry import ModelEntry

ENTRY = ModelEntry(
    "dvd-gan",
    DvdGanConfig,
    "rvd.models.dvd_gan.model:DvdGan",
    labels={"dvd-gan": "DVD-GAN"},
)
