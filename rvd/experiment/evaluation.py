"""The test protocol."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from rvd.config.section import Folder, Section
from rvd.metrics.registry import MetricName


class EvaluationConfig(Section):
    """The test protocol (section 3.2 and 3.4).

    ``clips_from`` says which clips are tested on: ``spread`` over the test videos, without overlap,
    or the first ones of the loader in the authors' test script (``authors``).
    """

    context: PositiveInt
    clips: PositiveInt
    clips_from: Literal["spread", "authors"] = "spread"
    ensemble: PositiveInt
    batch: PositiveInt = 1
    metrics: tuple[MetricName, ...] = Field(min_length=1)
    seed: NonNegativeInt = 0
    weights: Folder = "data/weights"
    lpips_network: Literal["alex", "vgg"] = "alex"
    fvd_protocols: tuple[Literal["paper", "standard"], ...] = Field(("paper",), min_length=1)

    def recorded(self, exclude: Set[str] = frozenset()) -> dict[str, Any]:
        """The values as forecasts record them and depend on them.

        Without ``clips_from: spread``, so that forecasts from before that key stay up to date.
        """
        default = {"clips_from"} if self.clips_from == "spread" else set()
        return self.model_dump(mode="json", exclude={*exclude, *default})
