"""Rank histograms: the ranks of the truth among the members."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rvd.datasets.registry import dataset_label
from rvd.plotting.calibration.panels import model_panels
from rvd.plotting.calibration.statistics import EnsembleStatistics
from rvd.plotting.style import legend_below, line_styles, notice, styled


@styled
def rank_histogram_figure(statistics: EnsembleStatistics) -> Figure:
    """Return one histogram per model whose members differ: all frames, and the last one.

    Heights are relative to a calibrated ensemble, whose histogram is flat at 1 (Hamill, 2001). It
    is high at both ends for too little spread, in the middle for too much, and at one end for a
    bias.

    Args:
        statistics: Statistics of one dataset's ensembles.

    Returns:
        The figure; a notice where no model has members that differ.
    """
    models = statistics.stochastic
    name = dataset_label(statistics.dataset)
    if not models:
        return notice(f"{name}: no model has members that differ.")
    title = (
        f"{name}: rank of the truth among the members, {statistics.clips} clips; flat is "
        f"calibrated, high ends are too little spread"
    )
    figure, panels = model_panels([*models], title, ("rank of the truth", "relative frequency"))
    styles = line_styles(models)
    for model, axis in panels.items():
        found = models[model]
        whole, last = (
            counts * len(counts) / counts.sum() for counts in (found.ranks.sum(0), found.ranks[-1])
        )
        places = np.arange(found.size + 1)
        axis.bar(places, whole, width=0.9, color=styles[model].color, alpha=0.75)
        axis.stairs(
            last, np.arange(found.size + 2) - 0.5, color="black", linewidth=0.9,
            label=f"future frame {len(found.ranks)}",
        )  # fmt: skip
        axis.axhline(1, color="#555555", linewidth=0.9, linestyle=(0, (2, 2)), label="calibrated")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    # In the legend without the colour of a model.
    next(iter(panels.values())).bar([0], [0], color="#888888", label="all future frames")
    legend_below(figure, columns=3)
    return figure
