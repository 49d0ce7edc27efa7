"""Spread of the ensemble and error of its mean, by frame."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rvd.datasets.registry import dataset_label
from rvd.metrics.functional.calibration import spread_skill
from rvd.plotting.calibration.panels import model_panels
from rvd.plotting.calibration.statistics import EnsembleStatistics
from rvd.plotting.style import DASHED, SOLID, legend_below, line_styles, notice, styled


@styled
def spread_error_figure(statistics: EnsembleStatistics) -> Figure:
    """Return one panel per model whose members differ: spread and error at each future frame.

    Spread is √((1 + 1/S)·variance) and error the root mean squared error of the members' mean: the
    two lines agree for a calibrated ensemble (Fortin et al., 2014). Each panel gives their ratio
    over all frames, the score ``spread_skill``.

    Args:
        statistics: Statistics of one dataset's ensembles.

    Returns:
        The figure, in grey levels; a notice where no model has members that differ.
    """
    models = statistics.stochastic
    name = dataset_label(statistics.dataset)
    if not models:
        return notice(f"{name}: no model has members that differ.")
    title = (
        f"{name}: spread of the members and error of their mean, {statistics.clips} clips, and "
        f"their ratio: 1 is calibrated, less is overconfident"
    )
    figure, panels = model_panels([*models], title, ("future frame", "grey levels"))
    styles = line_styles(models)
    for model, axis in panels.items():
        found, color = models[model], styles[model].color
        frames = np.arange(1, len(found.error) + 1)
        spread = np.sqrt((1 + 1 / found.size) * found.variance)
        axis.plot(frames, np.sqrt(found.error), color="black", linestyle=SOLID, label="error")
        axis.plot(frames, spread, color=color, linestyle=DASHED)
        ratio = float(spread_skill(found.variance.sum(), found.error.sum(), found.size))
        axis.text(
            0.03, 0.97, f"{ratio:.2f}", transform=axis.transAxes, va="top", fontsize=8,
            color="#555555",
        )  # fmt: skip
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    first = next(iter(panels.values()))
    first.set_ylim(bottom=0)
    # In the legend without the colour of a model.
    first.plot([], [], color="#555555", linestyle=DASHED, label="spread")
    legend_below(figure, columns=2)
    return figure
