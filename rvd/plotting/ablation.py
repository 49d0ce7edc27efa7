"""The ablations as a plot: ours next to the published scores (Table 2)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rvd.datasets.registry import dataset_label
from rvd.metrics.registry import PAPER_METRICS, score_label
from rvd.models.registry import model_label
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

PUBLISHED = "#7a7a7a"


@styled
def ablation_figure(table: pd.DataFrame, title: str = "") -> Figure:
    """Return a panel for each metric (row) and dataset (column), with one line per model.

    Ours is filled, with the standard error over seeds; the published score is a hollow diamond.
    Where ours is missing, the reason is shown in its place.

    Args:
        table: Table from ``read_table``; metrics that the paper does not have, and metrics and
            datasets without any score of ours, are left out.
        title: Lines above the panels.

    Returns:
        The figure; a notice where there is no score of ours.
    """
    table = table[table["metric"].isin(PAPER_METRICS)]
    scored = table[table["ours"].notna()]
    if scored.empty:
        return notice("No model of the ablations has been scored.")
    metrics = [name for name in dict.fromkeys(table["metric"]) if name in set(scored["metric"])]
    datasets = [name for name in dict.fromkeys(table["dataset"]) if name in set(scored["dataset"])]
    models = list(dict.fromkeys(table.loc[table["metric"].isin(metrics), "model"]))
    height = 0.24 * len(models) + 0.75
    width = FULL_WIDTH if len(datasets) > 1 else COLUMN_WIDTH
    title = wrapped(title, width, TITLE)
    above = 0.4 + 0.14 * len(title.splitlines())
    figure = Figure(figsize=(width, height * len(metrics) + above), layout="constrained")
    axes = figure.subplots(len(metrics), len(datasets), squeeze=False, sharey=True)
    for row, metric in zip(axes, metrics, strict=True):
        for axis, dataset in zip(row, datasets, strict=True):
            _panel(axis, table[(table["metric"] == metric) & (table["dataset"] == dataset)], models)
            axis.set_xlabel(score_label(metric).with_unit)
    for axis, dataset in zip(axes[0], datasets, strict=True):
        axis.set_title(dataset_label(dataset), loc="left")
    axes[0, 0].set_yticks(range(len(models)), list(map(model_label, models)))
    axes[0, 0].set_ylim(len(models) - 0.5, -0.5)
    # One entry for ours and one for the published scores, whatever the model.
    legend_below(figure, columns=2)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=TITLE)
    return figure


def ablation_models(table: pd.DataFrame) -> list[str]:
    """Return the models of ``table`` that were scored."""
    return list(dict.fromkeys(table.loc[table["ours"].notna(), "model"]))


def _panel(axis: Axes, cells: pd.DataFrame, models: Sequence[str]) -> None:
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)
    styles = line_styles(models)
    ours = cells["ours"].dropna()
    published = cells["published"].dropna().astype(float)
    limit = 1.12 * float(pd.concat([ours, published]).max())
    axis.set_xlim(0, limit)
    for place, model in enumerate(models):
        axis.axhline(place, color="#000000", alpha=0.08, linewidth=0.6, zorder=0)
        cell = cells[cells["model"] == model]
        if cell.empty:
            continue
        row = cell.iloc[0]
        if pd.notna(row["published"]):
            axis.plot(
                float(row["published"]), place, "D", color=PUBLISHED, fillstyle="none",
                label="published in the paper",
            )  # fmt: skip
        if pd.notna(row["ours"]):
            error = 0.0 if pd.isna(row["standard error"]) else float(row["standard error"])
            style = styles[model]
            axis.errorbar(
                float(row["ours"]), place, xerr=error or None, fmt="o", color=style.color,
                markersize=5.5, capsize=2, label="ours",
            )  # fmt: skip
        else:
            # On the side away from the published score.
            left = pd.notna(row["published"]) and float(row["published"]) > limit / 2
            axis.text(
                0.01 if left else 0.99, place, row["note"], transform=axis.get_yaxis_transform(),
                ha="left" if left else "right", va="center", fontsize=6.5, color=PUBLISHED,
            )  # fmt: skip
