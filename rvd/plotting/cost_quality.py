"""The quality of forecasts against their cost: what each model's seconds buy."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from matplotlib.transforms import Bbox

from rvd.datasets.registry import dataset_label
from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.evaluation.scores.scores_file import one_value
from rvd.metrics.registry import score_label
from rvd.models.registry import model_label
from rvd.plotting.style import FULL_WIDTH, line_styles, notice, styled

# Scores of whole forecasts, of which lower is better.
METRICS = ("crps", "energy_score", "fvd", "lpips")

# Places of a label around its point: offset in points, and horizontal alignment.
PLACES = (
    ((4, 3), "left"), ((4, -9), "left"), ((-4, 3), "right"), ((-4, -9), "right"),
    ((0, 7), "center"), ((0, -13), "center"), ((4, 12), "left"), ((4, -18), "left"),
    ((-4, 12), "right"), ((-4, -18), "right"),
)  # fmt: skip


def costs_and_scores(samples: Iterable[Path], scores: pd.DataFrame) -> pd.DataFrame:
    """Return each model's seconds per clip and its scores.

    The seconds are those noted when the ensembles were sampled, for all members and frames of a
    clip; they depend on the machine, and on what else it ran.

    Args:
        samples: Ensemble files.
        scores: Tidy scores, from ``read_scores``.

    Returns:
        Columns ``dataset``, ``model``, ``metric`` (those of :data:`METRICS` that were scored),
        ``seconds`` and ``value`` (means over seeds), and ``error``, the standard error over seeds
        (NaN for one).

    Raises:
        UserError: An ensemble file is missing, damaged or foreign.
    """
    timed = []
    for path in map(Path, samples):
        with EnsembleFile(path) as file:
            key = (file.info.dataset, file.info.model, file.info.seed)
            timed.append((*key, file.seconds / file.shape.clips))
    times = pd.DataFrame(timed, columns=["dataset", "model", "seed", "seconds"])
    values = one_value(scores)
    values = values[values["metric"].isin(METRICS) & values["value"].notna()]
    both = values.merge(times, on=["dataset", "model", "seed"])
    return (
        both.groupby(["dataset", "model", "metric"], sort=False)
        .agg(seconds=("seconds", "mean"), value=("value", "mean"), error=("value", "sem"))
        .reset_index()
    )


def front(points: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that no other undercuts in both ``seconds`` and ``value``, cheapest first."""
    ordered = points.sort_values(["seconds", "value"])
    return ordered[ordered["value"] < ordered["value"].cummin().shift(fill_value=float("inf"))]


@styled
def cost_quality_figure(points: pd.DataFrame, dataset: str) -> Figure:
    """Return one panel per score, with a point per model: its score against its seconds per clip.

    Bars are the standard error over seeds. The line is the Pareto front: no other model is both
    cheaper and better than one on it.

    Args:
        points: Table from :func:`costs_and_scores`.
        dataset: Dataset to plot.

    Returns:
        The figure; a notice where nothing was scored.
    """
    points = points[(points["dataset"] == dataset) & (points["seconds"] > 0)]
    metrics = [metric for metric in METRICS if metric in set(points["metric"])]
    if not metrics:
        return notice(f"No scored forecasts of {dataset_label(dataset)}.")
    figure = Figure(figsize=(FULL_WIDTH, 2.9 * len(metrics) + 0.4), layout="constrained")
    axes = figure.subplots(len(metrics), 1, squeeze=False)[:, 0]
    for axis, metric in zip(axes, metrics, strict=True):
        part = points[points["metric"] == metric]
        _plot(axis, part)
        axis.set_ylabel(score_label(metric).with_unit)
    axes[0].set_title(dataset_label(dataset), loc="left")
    axes[-1].set_xlabel("seconds per clip, all members and frames")
    figure.draw_without_rendering()  # positions, on which those of the labels depend
    for axis, metric in zip(axes, metrics, strict=True):
        _label(axis, points[points["metric"] == metric])
    return figure


def _plot(axis: Axes, points: pd.DataFrame) -> None:
    best = front(points)
    axis.plot(best["seconds"], best["value"], color="#999999", linewidth=1, zorder=1)
    styles = line_styles(points["model"])
    for model, row in points.set_index("model")[["seconds", "value", "error"]].T.items():
        style, (seconds, value, error) = styles[str(model)], map(float, row)
        axis.errorbar(
            seconds, value, yerr=error, color=style.color, marker=style.marker, markersize=5,
            capsize=2, elinewidth=0.8, gid=str(model),
        )  # fmt: skip
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator())
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.margins(0.08, 0.1)
    if (points["value"] - points["error"].fillna(0) > 0).all():
        # Persistence is many times worse than the models that are to be told apart.
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
    else:
        axis.set_ylim(bottom=0)


def _label(axis: Axes, points: pd.DataFrame) -> None:
    """Write each model's name next to its point, where it covers the fewest names and points."""
    styles = line_styles(points["model"])
    inside = axis.get_window_extent()
    points = points.sort_values("value")
    places = points[["seconds", "value"]].to_numpy(float)
    marks = axis.transData.transform(places)
    covered = [Bbox.from_extents(x - 4, y - 4, x + 4, y + 4) for x, y in marks]
    for model, (seconds, value) in zip(points["model"], places, strict=True):
        tried = []
        for offset, side in PLACES:
            text = axis.annotate(
                model_label(model), (seconds, value), xytext=offset, ha=side,
                textcoords="offset points", fontsize=6.5, color=styles[model].color,
            )  # fmt: skip
            box = text.get_window_extent()
            beyond = not (inside.x0 <= box.x0 and box.x1 <= inside.x1)
            tried.append((sum(map(box.overlaps, covered)) + 9 * beyond, text, box))
        _, kept, box = min(tried, key=lambda place: place[0])
        for _, text, _ in tried:
            if text is not kept:
                text.remove()
        covered.append(box)
