"""Plots of the validation cases."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lbm.plotting import COLOURS, WIDTH, hide_spines
from lbm.validation.case import Case


def case_figure(case: Case) -> Figure:
    """Plot the computed and expected series of a validation case."""
    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    series = case.series
    panels = [name for name, keys in _PANELS.items() if keys <= series.keys()]
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _DRAW[panel](axes, series)
    figure.suptitle(case.name, fontsize=10)
    return hide_spines(figure)


def _draw_convergence(axes: Axes, series: Mapping[str, np.ndarray]) -> None:
    size, error = series["size"], series["error"]
    axes.loglog(size, error, "o-", color=COLOURS[0], label="computed")
    axes.loglog(size, error[0] * (size / size[0]) ** -2.0, "--", color="0.5", label="second order")
    axes.set_xticks(size, [f"{value:g}" for value in size])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("cells")
    axes.set_ylabel("relative error")
    axes.legend(frameon=False, fontsize=8)


def _draw_profile(axes: Axes, series: Mapping[str, np.ndarray]) -> None:
    axes.plot(series["exact"], series["height"], color="0.5", label="exact")
    axes.plot(series["profile"], series["height"], "o", ms=3, color=COLOURS[0], label="computed")
    axes.set_xlabel("velocity / largest")
    axes.set_ylabel("height")
    axes.legend(frameon=False, fontsize=8)


def _draw_wave(axes: Axes, series: Mapping[str, np.ndarray]) -> None:
    axes.plot(series["tick"], series["amplitude"], color=COLOURS[0], lw=1, label="computed")
    axes.plot(series["tick"], series["envelope"], "--", color="0.5", label="exact envelope")
    axes.set_xlabel("tick")
    axes.set_ylabel("amplitude")
    axes.legend(frameon=False, fontsize=8)


def _draw_forces(axes: Axes, series: Mapping[str, np.ndarray]) -> None:
    late = slice(-10_000, None)  # after the transient of the impulsive start
    axes.plot(series["drag"][late], color=COLOURS[0], lw=1, label="drag coefficient")
    axes.plot(series["lift"][late], color=COLOURS[1], lw=1, label="lift coefficient")
    axes.set_xlabel("tick")
    axes.legend(frameon=False, fontsize=8)


def _draw_difference(axes: Axes, series: Mapping[str, np.ndarray]) -> None:
    axes.semilogy(series["difference"], color=COLOURS[0], lw=1)
    axes.set_xlabel("tick")
    axes.set_ylabel("largest difference")


_PANELS = {
    "convergence": {"size", "error"},
    "profile": {"height", "profile", "exact"},
    "wave": {"amplitude", "envelope"},
    "forces": {"drag", "lift"},
    "difference": {"difference"},
}
_DRAW = {
    "convergence": _draw_convergence,
    "profile": _draw_profile,
    "wave": _draw_wave,
    "forces": _draw_forces,
    "difference": _draw_difference,
}
