"""Figures of runs and of the validation; the notebooks and `python -m lbm validate` call these."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lbm.analysis import autocorrelation, coefficients, lift_spectrum, pictures, strouhal_number
from lbm.run_file import RunFile
from lbm.validation import Case

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6F6F6F", "#A6761D")
"""Okabe and Ito's, told apart by the colour-blind."""


WIDTH = 6.9
"""Inches of a page's text."""


def save(figure: Figure, folder: Path | str, name: str) -> None:
    """Write a figure as `<name>.png` (300 dpi), `.svg` and `.pdf`."""
    for kind in ("png", "svg", "pdf"):
        figure.savefig(Path(folder) / f"{name}.{kind}", dpi=300)


def street_figure(run: RunFile, frames: Sequence[int] = (0, 2, 4, 6)) -> Figure:
    """Vorticity of the domain at those frames that there are, red turning left, blue right."""
    frames = [frame for frame in frames if frame < run.street.frames]
    shown = [run.vorticity[frame] for frame in frames]
    largest = max(float(np.percentile(np.abs(field), 99.5)) for field in shown)
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    height, width = shown[0].shape
    size = (WIDTH - 1.0) / columns * height / width + 0.3
    figure = Figure(figsize=(WIDTH, size * rows), layout="compressed")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    for axes, field, frame in zip(panels, shown, frames, strict=False):
        norm = TwoSlopeNorm(0, -largest, largest)
        image = axes.imshow(field, cmap="RdBu_r", norm=norm, origin="lower")
        axes.contourf(run.solid, levels=[0.5, 1], colors="0.4")
        axes.set_title(f"tick {run.tick[frame]:,}", fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.colorbar(image, ax=figure.axes, label="vorticity (1/tick)", shrink=0.6)
    return figure


def forces_figure(runs: Mapping[str, RunFile], frames: int = 100) -> Figure:
    """Drag and lift coefficient over the first frames, a panel for each run."""
    columns = 3
    rows = -(-len(runs) // columns)
    figure = Figure(figsize=(WIDTH, 1.1 * rows + 0.8), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes, (name, run) in zip(panels.flat, runs.items(), strict=False):
        drag, lift = (values[:frames] for values in coefficients(run))
        ticks = run.tick[:frames] - run.street.warmup
        axes.plot(ticks, drag, color=COLOURS[0], lw=0.9, label="drag coefficient")
        axes.plot(ticks, lift, color=COLOURS[1], lw=0.9, label="lift coefficient")
        axes.set_title(f"{name}, Re {run.street.reynolds:g}", fontsize=8)
    for axes in panels.flat[len(runs) :]:
        axes.set_visible(False)
    panels.flat[0].xaxis.set_major_locator(MaxNLocator(3))  # of all, as they share it
    figure.supxlabel("tick after the warm-up", fontsize=9)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False, fontsize=8)
    return _plain(figure)


def strouhal_figure(runs: Mapping[str, RunFile]) -> Figure:
    """Measured Strouhal number of each run against its Reynolds number."""
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.subplots()
    streets = [run.street for run in runs.values()]
    low, high = (f(street.reynolds for street in streets) for f in (min, max))
    reynolds = np.linspace(0.9 * low, 1.1 * high, 100)
    axes.plot(
        reynolds, 0.2684 - 1.0356 / np.sqrt(reynolds), color="0.4", lw=1.2,
        label="unconfined (Fey, König & Eckelmann 1998)",
    )  # fmt: skip
    confined = [
        streets[0].model_copy(update={"reynolds": float(value)}).strouhal for value in reynolds
    ]
    axes.plot(
        reynolds,
        confined,
        color="0.4",
        lw=1.2,
        ls="--",
        label="expected in this channel",
    )
    measured = [strouhal_number(run) for run in runs.values()]
    axes.plot([s.reynolds for s in streets], measured, "o", color=COLOURS[1], label="runs")
    axes.set_xlabel("Reynolds number")
    axes.set_ylabel("Strouhal number")
    axes.legend(frameon=False, fontsize=8)
    return _plain(figure)


def spectrum_figure(runs: Mapping[str, RunFile]) -> Figure:
    """Amplitude spectrum of each run's lift coefficient."""
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.subplots()
    for colour, (name, run) in zip(_colours(len(runs)), runs.items(), strict=True):
        frequency, amplitude = lift_spectrum(run)
        axes.semilogy(frequency, amplitude + 1e-7, color=colour, lw=1, label=name)
    axes.set_xlabel("frequency · diameter / velocity")
    axes.set_ylabel("amplitude of lift coefficient")
    axes.set_ylim(bottom=1e-5)
    _legend_beside(figure, axes)
    return _plain(figure)


def autocorrelation_figure(
    runs: Mapping[str, RunFile], columns: tuple[int, int], pool: int, lags: int = 60
) -> Figure:
    """Correlation of each run's frames with later ones; near 1 the run repeats itself."""
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.subplots()
    for colour, (name, run) in zip(_colours(len(runs)), runs.items(), strict=True):
        longest = min(lags, run.street.frames // 2)
        correlation = autocorrelation(pictures(run, columns, pool), longest)
        period = run.street.diameter / (run.street.velocity * strouhal_number(run))
        label = f"{name} (period {period / run.street.interval:.1f})"
        axes.plot(correlation, color=colour, lw=1, label=label)
    axes.set_xlabel("frames apart")
    axes.set_ylabel("correlation of frames")
    _legend_beside(figure, axes)
    return _plain(figure)


def likeness_figure(nearest: Float[np.ndarray, "run other"], names: Sequence[str]) -> Figure:
    """Matrix of `lbm.analysis.nearest_clips`: dark where a run holds another's clips.

    The title names the two different runs that are most alike.
    """
    size = 1.5 + 0.32 * len(names)
    figure = Figure(figsize=(WIDTH, size), layout="compressed")
    axes = figure.subplots()
    image = axes.imshow(nearest, cmap="magma", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    figure.colorbar(image, ax=axes, label="r.m.s. difference / r.m.s.")
    if len(names) > 1:
        others = np.where(np.eye(len(names), dtype=bool) | np.isnan(nearest), np.inf, nearest)
        one, other = divmod(int(others.argmin()), len(names))
        axes.set_title(
            f"most alike: {names[one]} and {names[other]}, {others.min():.2f}", fontsize=8
        )
    return figure


def case_figure(case: Case) -> Figure:
    """What a validation case computed, beside what it should."""
    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    series = case.series
    panels = [name for name, keys in _PANELS.items() if keys <= series.keys()]
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _DRAW[panel](axes, series)
    figure.suptitle(case.name, fontsize=10)
    return _plain(figure)


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
    late = slice(-10_000, None)  # of an impulsive start, the settled end
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


def _colours(count: int) -> list[tuple[float, ...]]:
    """As many colours as there are runs, from dark to light."""
    return [colormaps["viridis"](0.95 * index / max(count - 1, 1)) for index in range(count)]


def _legend_beside(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=7)


def _plain(figure: Figure) -> Figure:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, lw=0.6)
        axes.set_axisbelow(True)
    return figure
