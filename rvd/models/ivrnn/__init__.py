"""IVRNN, a hierarchical variational recurrent network (Castrejón et al., 2019)."""

from rvd.models.entry import ModelEntry
from rvd.models.ivrnn.config import IvrnnConfig

ENTRY = ModelEntry(
    "ivrnn",
    IvrnnConfig,
    "rvd.models.ivrnn.model:Ivrnn",
    labels={"ivrnn": "IVRNN", "ivrnn-4+4": "IVRNN (4+4)"},
)
