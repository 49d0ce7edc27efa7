"""Scores against the frame index (Figure 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rvd.datasets.registry import dataset_label
from rvd.metrics.registry import score_label
from rvd.plotting.style import (
    COLUMN_WIDTH,
    FULL_WIDTH,
    TITLE,
    legend_below,
    line_styles,
    notice,
    styled,
    wrapped,
)


def metrics_by_frame(scores: pd.DataFrame) -> list[str]:
    """Return the metrics that ``scores`` have a number of for each future frame."""
    given = scores["frame"].notna() & scores["value"].notna()
    return list(dict.fromkeys(scores.loc[given, "metric"]))


@styled
def by_frame_figure(
    scores: pd.DataFrame,
    metric: str = "crps",
    inverse: bool = False,
    models: Sequence[str] | None = None,
    periods: Mapping[str, float] | None = None,
    datasets: Sequence[str] | None = None,
    columns: int = 2,
    width: float = FULL_WIDTH,
    title: str = "",
) -> Figure:
    """Return one panel per dataset and one line per model: the mean over seeds and their range.

    A metric's target value, where it has one, is a horizontal line. A model with scores that are
    not numbers is named in its panel.

    Args:
        scores: Tidy scores, from ``read_scores``.
        metric: Name of the score.
        inverse: Plot 1 / score, as Figure 3 does for CRPS.
        models: Models to plot; None for all.
        periods: Shedding period of datasets, in frames, to mark: after it, copying the last frame
            is nearly exact.
        datasets: Datasets to plot, one panel each, in this order; None for all.
        columns: Most panels in a row.
        width: Width in inches, of the page's column or of its text.
        title: Lines above the panels.

    Returns:
        The figure; a notice where there are no scores of ``metric`` by frame.
    """
    chosen = scores[(scores["metric"] == metric) & scores["frame"].notna()]
    if models is not None:
        chosen = chosen[chosen["model"].isin(models)]
    if datasets is not None:
        chosen = chosen[chosen["dataset"].isin(datasets)]
    label = score_label(metric)
    if chosen.empty:
        return notice(f"There are no scores of {label.label} by frame.")
    if inverse:
        chosen = chosen.assign(value=1 / chosen["value"].replace(0.0, np.nan))
    scored = set(chosen["dataset"])
    datasets = [name for name in datasets or dict.fromkeys(chosen["dataset"]) if name in scored]
    columns = min(columns, len(datasets))
    rows = -(-len(datasets) // columns)
    title = wrapped(title, width, TITLE)
    height = (1.7 if columns > 2 else 2.3) * rows + 0.75 + 0.14 * len(title.splitlines())
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    styles = line_styles(chosen["model"])
    for axis, dataset in zip(axes.flat, datasets, strict=False):
        part = chosen[chosen["dataset"] == dataset]
        _panel(axis, part, styles, 0.8 * width / columns)
        axis.set_title(dataset_label(dataset), loc="left")
        if periods and dataset in periods:
            _mark(axis, periods[dataset], int(part["frame"].max()))
        unit = f" ({'1 / ' if inverse else ''}{label.unit})" if label.unit else ""
        if axis in axes[:, 0]:
            axis.set_ylabel(f"{'1 / ' if inverse else ''}{label.label}{unit}")
        if label.target is not None:
            axis.axhline(label.target, color="#555555", linewidth=0.9, zorder=0)
        axis.set_xlabel("future frame")
        axis.set_ylim(bottom=0 if not label.higher_is_better else None)
        axis.xaxis.get_major_locator().set_params(integer=True)
    for axis in axes.flat[len(datasets) :]:
        axis.set_visible(False)
    legend_below(figure, columns=6 if width > COLUMN_WIDTH else 3)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=TITLE)
    return figure


def _panel(axis: Axes, scores: pd.DataFrame, styles: Mapping[str, object], inches: float) -> None:
    """Plot the lines of ``scores``; notes within the panel are at most ``inches`` wide."""
    missing = []
    for model, style in line_styles(styles).items():
        table = scores[scores["model"] == model].pivot_table(
            index="frame", columns="seed", values="value", dropna=False
        )
        if table.empty:
            continue
        if table.isna().to_numpy().any():
            missing.append(model)
        mean = table.mean(axis="columns")
        axis.plot(mean.index, mean, **style.options(len(mean), model))
        if table.shape[1] > 1:
            axis.fill_between(
                mean.index, table.min(axis="columns"), table.max(axis="columns"),
                color=style.color, alpha=0.18, linewidth=0,
            )  # fmt: skip
    if missing:
        named = f"not a number at some frames: {', '.join(missing)}"
        axis.text(
            0.98, 0.98, wrapped(named, inches, 7),
            transform=axis.transAxes, ha="right", va="top", fontsize=7, color="#a00000",
        )  # fmt: skip


def _mark(axis: Axes, period: float, last: int) -> None:
    """Mark ``period`` with a vertical line, or with a note where it lies beyond the last frame."""
    if period > last:
        note = f"shedding period: {period:.3g} frames"
        axis.set_title(note, loc="right", fontsize=7, color="#555555")
        return
    axis.axvline(period, color="#555555", linewidth=0.9, linestyle=(0, (2, 2)), zorder=0)
    axis.annotate(
        "shedding period", (period, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
        textcoords="offset points", ha="right" if period > last / 2 else "left",
        va="bottom", fontsize=7, color="#555555",
    )  # fmt: skip
