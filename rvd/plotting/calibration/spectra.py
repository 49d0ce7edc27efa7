"""Power spectra of truth and members."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from rvd.datasets.registry import dataset_label
from rvd.plotting.calibration.statistics import EnsembleStatistics
from rvd.plotting.style import FULL_WIDTH, TITLE, legend_below, line_styles, styled, wrapped


@styled
def spectra_figure(statistics: EnsembleStatistics) -> Figure:
    """Return the power spectra of truth and members, at the first and the last future frame.

    Lines are means over clips and members of the radially averaged log power spectrum
    (:func:`rvd.metrics.functional.spectrum.log_spectrum`). A blurred forecast lies below the truth
    at large wavenumbers, a noisy one above it. The band spans 80 % of the truth's clips.

    Args:
        statistics: Statistics of one dataset's ensembles.
    """
    frames, shells = statistics.spectra.shape[1:]
    shown = sorted({0, frames - 1})
    wavenumbers = np.arange(1, shells + 1)
    title = wrapped(
        f"{dataset_label(statistics.dataset)}: power spectra of truth and members, mean of "
        f"{statistics.clips} clips; below the truth is blur, above it noise",
        FULL_WIDTH,
        TITLE,
    )
    figure = Figure(figsize=(FULL_WIDTH, 3.3), layout="constrained")
    axes = figure.subplots(1, len(shown), squeeze=False, sharey=True)
    styles = line_styles(statistics.models)
    for axis, frame in zip(axes.flat, shown, strict=True):
        truth = statistics.spectra[:, frame]
        low, high = np.percentile(truth, (10, 90), axis=0)
        axis.fill_between(wavenumbers, low, high, color="black", alpha=0.12, linewidth=0)
        axis.plot(wavenumbers, truth.mean(0), color="black", linewidth=2.2, label="Truth")
        for model, style in styles.items():
            options = style.options(shells, model) | {"markersize": 3, "linewidth": 1.2}
            axis.plot(wavenumbers, statistics.models[model].spectrum[frame], **options)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_title(f"future frame {frame + 1}", loc="left")
        axis.set_xlabel("wavenumber (cycles per frame edge)")
    axes[0, 0].set_ylabel("power (dB of squared grey levels)")
    figure.suptitle(title, x=0.01, ha="left", fontsize=TITLE)
    legend_below(figure, columns=6)
    return figure
