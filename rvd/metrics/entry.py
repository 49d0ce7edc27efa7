"""The registry's entry of a metric: its names, its needs and its code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from lbm.config import VortexStreetConfig
from rvd.errors import UserError
from rvd.metrics.base import Clip, EnsembleShape, Metric, Score
from rvd.metrics.labels import ScoreLabel
from rvd.plugins import owner, require_type

LpipsNet = Literal["alex", "vgg"]

# A quarter and three quarters of white; of vorticity, vortices of either sign.
EXCEEDANCE_THRESHOLDS = (64.0, 192.0)


@runtime_checkable
class EvaluationSettings(Protocol):
    """The part of the config's ``evaluation`` that selects metrics and their networks."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of metrics."""

    @property
    def lpips_network(self) -> LpipsNet:
        """Network of LPIPS."""


@dataclass(frozen=True)
class ScoreSettings:
    """The metrics to compute, and what they are computed with.

    Attributes:
        metrics: Names, as in ``evaluation.metrics`` of the config.
        weights: Folder of the networks' weights, as ``rvd fetch-weights`` writes them.
        lpips_network: Network of LPIPS.
        fvd_protocols: Names as in ``evaluation.fvd_protocols`` of the config.
        features: Folder where I3D's features are stored; None stores none.
        flow: Parameters of the simulated flow, for its Strouhal number; None for other data.
        exceedance_thresholds: Thresholds of the Brier score, in grey levels (0 … 255).
    """

    metrics: tuple[str, ...]
    weights: Path = Path("data/weights")
    lpips_network: LpipsNet = "alex"
    fvd_protocols: tuple[str, ...] = ("paper",)
    features: Path | None = None
    flow: VortexStreetConfig | None = None
    exceedance_thresholds: tuple[float, ...] = EXCEEDANCE_THRESHOLDS


@dataclass(frozen=True)
class ScoredEnsemble:
    """An ensemble file as a metric sees it before the first clip.

    Attributes:
        shape: Shape of the file.
        signed: True for frames of a signed quantity, whose zero is mid-grey: vorticity.
        settings: The settings of the scoring.
    """

    shape: EnsembleShape
    signed: bool
    settings: ScoreSettings


class NotComputed:
    """A metric that cannot be computed: one row without a value, with the reason as its note."""

    def __init__(self, name: str, reason: str, shape: EnsembleShape) -> None:
        self.row = Score(name, None, np.nan, shape.clips, shape.ensemble, "", note=reason)

    def update(self, clip: Clip) -> None:
        """Do nothing."""

    def compute(self) -> Iterator[Score]:
        """Yield the row."""
        yield self.row


def why_not_fair(ensemble: ScoredEnsemble) -> str | None:
    """Return the reason why a fair score cannot be computed, or None."""
    return "needs two members, there is one" if ensemble.shape.ensemble < 2 else None


def _always(ensemble: ScoredEnsemble) -> None:
    """Return no reason: the metric can always be computed."""


def _no_networks(settings: EvaluationSettings) -> tuple[str, ...]:
    """Return no names: the metric needs no network."""
    return ()


@dataclass(frozen=True)
class MetricEntry:
    """A metric of the config: its scores, its needs, and its code.

    Attributes:
        name: Name in ``evaluation.metrics`` of the config.
        scores: Names in the scores, each with its label.
        build: Function that returns the metric, ready for clips. It raises
            :class:`~rvd.errors.UserError` where the weights of a network are missing or faulty.
        why_not: Function that returns the reason why the metric cannot be computed, or None.
        networks: Function that returns the names of the networks that the metric runs.
        fetchers: ``module:function`` that downloads the weights, for each network's name.
        package: Name and version of the package that adds the metric; empty for this project.
    """

    name: str
    scores: Mapping[str, ScoreLabel]
    build: Callable[[ScoredEnsemble], Metric]
    why_not: Callable[[ScoredEnsemble], str | None] = _always
    networks: Callable[[EvaluationSettings], tuple[str, ...]] = _no_networks
    fetchers: Mapping[str, str] = field(default_factory=dict)
    package: str = ""

    def open(self, ensemble: ScoredEnsemble) -> Iterator[Metric]:
        """Yield the metric, or a row with the reason why it cannot be computed."""
        if reason := self.why_not(ensemble):
            yield NotComputed(self.name, reason, ensemble.shape)
            return
        try:
            metric = self.build(ensemble)
        except UserError as error:
            yield NotComputed(self.name, str(error), ensemble.shape)
            return
        require_type(metric, Metric, f"the metric '{self.name}'", self.package)
        yield metric

    def conflict(self, known: Sequence[MetricEntry]) -> str | None:
        """Return the reason why a plug-in's entry cannot join ``known``, or None."""
        for other in known:
            taken = {
                "metric": {self.name} & {other.name},
                "score": {*self.scores} & {*other.scores},
                "network": {*self.fetchers} & {*other.fetchers},
            }
            for what, names in taken.items():
                if names:
                    holder = owner(other.package)
                    return f"adds the {what} '{min(names)}', which {holder} has already"
        return None if self.scores else "names no scores"
