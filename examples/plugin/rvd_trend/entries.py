"""The entries that pyproject.toml lists. Nothing here, or imported here, imports torch."""

from rvd.datasets.entry import DatasetEntry
from rvd.metrics.entry import MetricEntry
from rvd.metrics.labels import ScoreLabel
from rvd.models.entry import ModelEntry
from rvd_trend.config import ArraysConfig, TrendConfig
from rvd_trend.metric import bias

MODEL = ModelEntry(
    kind="trend",
    config=TrendConfig,
    network="rvd_trend.model:Trend",
    labels={"trend": "Trend"},
)
DATASET = DatasetEntry(
    reader="arrays",
    config=ArraysConfig,
    function="rvd_trend.reader:read",
    labels={"squares": "Squares"},
)
METRIC = MetricEntry(
    name="bias",
    scores={"bias": ScoreLabel("Bias", 2, "grey levels")},
    build=bias,
)
