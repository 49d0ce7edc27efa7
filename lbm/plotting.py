"""Figures of runs, used by the notebooks."""

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
from lbm.runs.run_file import RunFile

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6F6F6F", "#A6761D")
"""Palette of Okabe and Ito, suitable for colour-blind readers."""

WIDTH = 6.9
"""Text width of a page in inches."""


def save(figure: Figure, folder: Path | str, name: str) -> None:
    """Write a figure as `<name>.png` (300 dpi), `.svg` and `.pdf`."""
    for kind in ("png", "svg", "pdf"):
        figure.savefig(Path(folder) / f"{name}.{kind}", dpi=300)


def street_figure(run: RunFile, frames: Sequence[int] = (0, 2, 4, 6)) -> Figure:
    """Draw the vorticity of the domain in the given frames, as far as they exist.

    Red is counterclockwise rotation, blue clockwise.
    """
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
    """Draw the drag and lift coefficients over the first frames, one panel per run."""
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
    panels.flat[0].xaxis.set_major_locator(MaxNLocator(3))  # all panels share the axis
    figure.supxlabel("tick after the warm-up", fontsize=9)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False, fontsize=8)
    return hide_spines(figure)


def strouhal_figure(runs: Mapping[str, RunFile]) -> Figure:
    """Plot the measured Strouhal number of each run against its Reynolds number."""
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
    return hide_spines(figure)


def spectrum_figure(runs: Mapping[str, RunFile]) -> Figure:
    """Plot the amplitude spectrum of the lift coefficient of each run."""
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.subplots()
    for colour, (name, run) in zip(_colours(len(runs)), runs.items(), strict=True):
        frequency, amplitude = lift_spectrum(run)
        axes.semilogy(frequency, amplitude + 1e-7, color=colour, lw=1, label=name)
    axes.set_xlabel("frequency · diameter / velocity")
    axes.set_ylabel("amplitude of lift coefficient")
    axes.set_ylim(bottom=1e-5)
    _legend_outside(figure, axes)
    return hide_spines(figure)


def autocorrelation_figure(
    runs: Mapping[str, RunFile], columns: tuple[int, int], pool: int, lags: int = 60
) -> Figure:
    """Plot the correlation of each run's frames with later ones; near 1, the run repeats itself."""
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
    _legend_outside(figure, axes)
    return hide_spines(figure)


def similarity_figure(nearest: Float[np.ndarray, "run other"], names: Sequence[str]) -> Figure:
    """Draw the matrix of `lbm.analysis.clip_similarity`: dark where runs have similar clips.

    The title names the two different runs that are most similar.
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


def _colours(count: int) -> list[tuple[float, ...]]:
    """Return `count` colours from dark to light."""
    return [colormaps["viridis"](0.95 * index / max(count - 1, 1)) for index in range(count)]


def _legend_outside(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=7)


def hide_spines(figure: Figure) -> Figure:
    """Hide the top and right spines, add a grid, and return the figure."""
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, lw=0.6)
        axes.set_axisbelow(True)
    return figure
