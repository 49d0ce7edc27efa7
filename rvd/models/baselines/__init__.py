"""Non-learned baselines, and the mean of RVD without its diffusion."""

from rvd.models.baselines.config import AnalogueConfig, MeanConfig, PersistenceConfig
from rvd.models.entry import ModelEntry

MEAN = ModelEntry(
    "mean",
    MeanConfig,
    opener="rvd.models.baselines.mean:open_mean",
    labels={"rvd-mean": "RVD, μ alone"},
)
ANALOGUE = ModelEntry(
    "analogue",
    AnalogueConfig,
    opener="rvd.models.baselines.analogue:open_analogue",
    labels={"analogue": "Analogue"},
)
PERSISTENCE = ModelEntry(
    "persistence",
    PersistenceConfig,
    opener="rvd.models.baselines.persistence:open_persistence",
    labels={"persistence": "Persistence"},
)
