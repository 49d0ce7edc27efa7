"""Residual Video Diffusion (RVD), and Video Diffusion (VD), its case without a mean."""

from rvd.models.entry import ModelEntry
from rvd.models.rvd.config import RvdConfig

ENTRY = ModelEntry(
    "rvd",
    RvdConfig,
    "rvd.models.rvd.model:ResidualVideoDiffusion",
    labels={"rvd": "RVD", "vd": "VD", "rvd-2+3": "RVD (2+3)"},
)
