"""The test protocol."""

from __future__ import annotations

from collections.abc import Set
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from rvd.config.section import Folder, Section
from rvd.metrics.entry import EXCEEDANCE_THRESHOLDS
from rvd.metrics.registry import MetricName

# A grey level that can be exceeded.
Threshold = Annotated[float, Field(ge=0, lt=255)]
Precision = Literal["float32", "bfloat16"]


class EvaluationConfig(Section):
    """The test protocol (sections 3.2 and 3.4)."""

    context: PositiveInt
    """Context frames: 4 (section 3.2)."""
    clips: PositiveInt
    """Largest number of test clips; not stated in the paper, 50 in the authors' test script."""
    clips_from: Literal["spread", "authors"] = "spread"
    """Choice of the test clips: `spread` (clips without overlap, evenly spread over the test
    videos) or `authors` (the first ones of the loader in the authors' test script: neighbouring
    start positions of simulated runs, first frames of other videos; fewer than `clips` are
    refused). See `docs/metrics.md`."""
    ensemble: PositiveInt
    """S, the number of members of each forecast (section 3.4, which does not state it)."""
    batch: PositiveInt | Literal["auto"] = 1
    """Clips that are forecast together, each with all its members, to use a GPU well. `auto` takes
    as many as its memory holds, and 1 on a CPU; forecasts then differ between GPUs by rounding."""
    precision: Precision = "float32"
    """Arithmetic of forecasts; `bfloat16` applies to convolutions and matrix products only."""
    metrics: tuple[MetricName, ...] = Field(min_length=1)
    """Metrics that are computed; the last three of the list are for vorticity. See
    `docs/metrics.md`."""
    seed: NonNegativeInt = 0
    """Seed of sampling."""
    weights: Folder = "data/weights"
    """Folder below `root` for the published weights of the metrics' networks, which are downloaded
    or put there by hand: `i3d.safetensors`, `lpips-alex.safetensors`, `lpips-vgg.safetensors`."""
    lpips_network: Literal["alex", "vgg"] = "alex"
    """Network of LPIPS: `alex` (its authors' choice for comparisons) or `vgg`."""
    fvd_protocols: tuple[Literal["paper", "standard"], ...] = Field(("paper",), min_length=1)
    """Protocols of FVD: `paper` (future frames, at most 50 clips) and `standard` (at least 256
    clips, with and without context)."""
    exceedance_thresholds: tuple[Threshold, ...] = Field(EXCEEDANCE_THRESHOLDS, min_length=1)
    """Grey levels, 0 … 255, whose exceedance `brier_score` scores."""

    @field_validator("exceedance_thresholds")
    @classmethod
    def _distinct(cls, thresholds: tuple[float, ...]) -> tuple[float, ...]:
        if len({*thresholds}) < len(thresholds):
            raise ValueError("a threshold is given twice")
        return thresholds

    def recorded(self, exclude: Set[str] = frozenset()) -> dict[str, Any]:
        """Return the values as forecasts record them and depend on them.

        Defaults of later keys and the thresholds are left out, so that forecasts older than
        them stay up to date.

        Args:
            exclude: Keys to leave out.
        """
        later = {"clips_from": "spread", "precision": "float32"}
        default = {key for key, value in later.items() if getattr(self, key) == value}
        ignored = {*exclude, *default, "exceedance_thresholds"}
        return self.model_dump(mode="json", exclude=ignored)

    def first_batch(self, *, on_gpu: bool) -> int:
        """Return the number of clips to forecast together, before memory is known."""
        if self.batch == "auto":
            return self.clips if on_gpu else 1
        return self.batch
