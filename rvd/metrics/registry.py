"""The metrics: one line per family, from which config, labels, tables and downloads follow.

A new metric is a file that exports ``ENTRIES``, and a line in ``FAMILIES``; or an entry point
``rvd.metrics`` of another installed package (:mod:`rvd.plugins`). Nothing here imports torch.
"""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Literal

from rvd.errors import UserError
from rvd.metrics.entry import EvaluationSettings, MetricEntry
from rvd.metrics.labels import ScoreLabel
from rvd.plugins import installed_entries, resolve

# One line per family, in the order in which scores are written.
FAMILIES = (
    "rvd.metrics.ensemble.crps",
    "rvd.metrics.image_quality",
    "rvd.metrics.perceptual",
    "rvd.metrics.fvd",
    "rvd.metrics.ensemble.calibration",
    "rvd.metrics.ensemble.multivariate",
    "rvd.metrics.ensemble.spectrum",
    "rvd.metrics.ensemble.exceedance",
    "rvd.metrics.flow",
)

OWN: tuple[MetricEntry, ...] = tuple(
    entry for family in FAMILIES for entry in resolve_name(f"{family}:ENTRIES")
)
ENTRIES: tuple[MetricEntry, ...] = (
    *OWN,
    *installed_entries("rvd.metrics", MetricEntry, OWN, MetricEntry.conflict),
)
METRICS: dict[str, MetricEntry] = {entry.name: entry for entry in ENTRIES}
LABELS: dict[str, ScoreLabel] = {
    name: label for entry in ENTRIES for name, label in entry.scores.items()
}

# The scores of the paper's tables, in the order of their columns.
PAPER_METRICS: tuple[str, ...] = tuple(
    name
    for _, name in sorted(
        (label.paper_column, name)
        for entry in OWN
        for name, label in entry.scores.items()
        if label.paper_column
    )
)

# A name in the config's ``evaluation.metrics``.
if TYPE_CHECKING:
    MetricName = str
else:
    MetricName = Literal[tuple(METRICS)]

# ``module:function`` that downloads the weights of a network, by the network's name.
FETCHERS: dict[str, str] = dict(
    sorted(item for entry in ENTRIES for item in entry.fetchers.items())
)


def score_label(score: str) -> ScoreLabel:
    """Return the label of a score's name; without an entry, the name itself, lower is better."""
    return LABELS.get(score, ScoreLabel(score.replace("_", " "), 3))


def weights_needed(evaluation: EvaluationSettings) -> list[str]:
    """Return the names of the networks that the metrics of ``evaluation`` run, each once."""
    entries = (METRICS[name] for name in evaluation.metrics)
    return sorted({network for entry in entries for network in entry.networks(evaluation)})


def fetch_weights(network: str, output: Path, given: Path | None = None) -> None:
    """Store the published weights of ``network`` at ``output``, checked.

    Args:
        network: Name, one of :data:`FETCHERS`.
        output: The file to write.
        given: The published file, where it is at hand; None downloads it.

    Raises:
        UserError: There is no such network, the download fails, or a file is not the published one.
    """
    if network not in FETCHERS:
        raise UserError(f"'{network}' is none of {', '.join(FETCHERS)}")
    package = next(entry.package for entry in ENTRIES if network in entry.fetchers)
    resolve(FETCHERS[network], package)(output, given)
