"""Reliability diagrams of the exceedance of thresholds."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from rvd.datasets.registry import dataset_label
from rvd.metrics.functional.exceedance import reliability_curve
from rvd.plotting.calibration.statistics import EnsembleStatistics
from rvd.plotting.style import FULL_WIDTH, TITLE, legend_below, line_styles, styled, wrapped


@styled
def reliability_figure(statistics: EnsembleStatistics) -> Figure:
    """Return the observed frequency against the forecast probability, one column per threshold.

    The probability is the share of members that exceed the threshold, in bins of width 0.1; a
    calibrated ensemble lies on the diagonal. The horizontal line is the frequency in the data,
    which a forecast without resolution has in each bin. Below, the share of forecasts in each bin:
    sharp forecasts are mostly 0 or 1.

    Args:
        statistics: Statistics of one dataset's ensembles; all frames are counted together.
    """
    name = dataset_label(statistics.dataset)
    title = wrapped(
        f"{name}: frequency of grey levels above a threshold, {statistics.clips} clips; "
        f"calibrated on the diagonal",
        FULL_WIDTH,
        TITLE,
    )
    columns = len(statistics.thresholds)
    figure = Figure(figsize=(FULL_WIDTH, 4.2), layout="constrained")
    axes = figure.subplots(
        2, columns, squeeze=False, sharex=True, sharey="row", height_ratios=(3, 1)
    )
    styles = line_styles(statistics.models)
    for column, threshold in enumerate(statistics.thresholds):
        diagram, shares = axes[:, column]
        for model, style in styles.items():
            counts = statistics.models[model].counts[column].sum(0)
            curve = reliability_curve(counts)
            some = np.isfinite(curve.probability)
            options = style.options(1, model) | {"markersize": 3, "linewidth": 1.2}
            diagram.plot(curve.probability[some], curve.frequency[some], **options)
            shares.plot(curve.probability[some], curve.share[some], **options)
            rate = counts[1].sum() / counts.sum()
        diagram.plot([0, 1], [0, 1], color="#555555", linewidth=0.9, zorder=0)
        diagram.axhline(rate, color="#555555", linewidth=0.9, linestyle=(0, (2, 2)), zorder=0)
        diagram.set_title(f"above {threshold:g}", loc="left")
        diagram.set_title(f"frequency {rate:.2g}", loc="right", fontsize=7, color="#555555")
        shares.set_yscale("log")
        shares.set_xlabel("forecast probability")
    axes[0, 0].set_ylabel("observed frequency")
    axes[1, 0].set_ylabel("share")
    figure.suptitle(title, x=0.01, ha="left", fontsize=TITLE)
    legend_below(figure, columns=6)
    return figure
