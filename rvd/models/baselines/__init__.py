"""Non-learned baselines, and other forecasts by the weights of a trained model."""

from rvd.models.baselines.config import (
    AnalogueConfig,
    MeanConfig,
    PersistenceConfig,
    ResampledConfig,
)
from rvd.models.entry import ModelEntry

MEAN = ModelEntry(
    "mean",
    MeanConfig,
    opener="rvd.models.baselines.mean:open_mean",
    labels={"rvd-mean": "RVD, μ alone"},
)
RESAMPLED = ModelEntry(
    "resampled",
    ResampledConfig,
    opener="rvd.models.baselines.resampled:open_resampled",
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
