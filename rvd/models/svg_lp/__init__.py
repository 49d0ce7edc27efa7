"""SVG-LP, stochastic video generation with a learned prior (Denton and Fergus, 2018)."""

from rvd.models.entry import ModelEntry
from rvd.models.svg_lp.config import SvgLpConfig

ENTRY = ModelEntry(
    "svg-lp",
    SvgLpConfig,
    "rvd.models.svg_lp.model:SvgLp",
    labels={"svg-lp": "SVG-LP"},
)
