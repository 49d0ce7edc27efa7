"""The test protocol."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from rvd.config.section import Folder, Section
from rvd.metrics.registry import MetricName


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
    batch: PositiveInt = 1
    """Clips that are forecast together, each with all its members, to use a GPU well."""
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

    def recorded(self, exclude: Set[str] = frozenset()) -> dict[str, Any]:
        """Return the values as forecasts record them and depend on them.

        ``clips_from: spread`` is left out, so that forecasts older than the key stay up to date.

        Args:
            exclude: Keys to leave out.
        """
        default = {"clips_from"} if self.clips_from == "spread" else set()
        return self.model_dump(mode="json", exclude={*exclude, *default})
