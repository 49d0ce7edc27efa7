"""A forecaster that is trained on the CRPS and takes one network evaluation per frame."""

from rvd.models.crps.config import CrpsConfig
from rvd.models.entry import ModelEntry

ENTRY = ModelEntry(
    "crps",
    CrpsConfig,
    "rvd.models.crps.model:CrpsForecaster",
    labels={"crps": "CRPS (ours)"},
)
