"""The style of all figures: sizes, fonts, a colour, dash and marker per model, and saving.

The colours are Okabe and Ito's, which the colour-blind can distinguish; dashes and markers
distinguish the models in grey as well.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.figure import Figure

from rvd.files import atomic_write
from rvd.models.registry import in_order, model_label

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

# Widths in inches on a page of two columns: the whole text, and one column.
FULL_WIDTH = 6.9
COLUMN_WIDTH = 3.35
# Font size of the lines above a figure's panels, in points.
TITLE = 8.5

# Files of each figure: pixels for a screen, vectors for LaTeX (PDF) and web pages (SVG).
KINDS = ("svg", "pdf", "png")
# Metadata that would change with time, left out so that equal figures are equal files.
UNDATED: dict[str, dict[str, None]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
    "png": {"Software": None},
}

SETTINGS: dict[str, Any] = {
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.linewidth": 0.7,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "figure.dpi": 110,
    "savefig.dpi": 300,
    # Not cropped to the contents, so that a file is as wide as the page requires.
    "savefig.bbox": "standard",
    "svg.fonttype": "none",
    # Letters as TrueType, which journals require, and which can be searched.
    "pdf.fonttype": 42,
    "svg.hashsalt": "rvd",
}


@dataclass(frozen=True)
class LineStyle:
    """The style of one model's line."""

    color: str
    dash: Any
    marker: str

    def options(self, points: int, model: str) -> dict[str, Any]:
        """Return keyword arguments of ``Axes.plot`` for a line of ``points`` points."""
        return {
            "color": self.color,
            "linestyle": self.dash,
            "marker": self.marker,
            "markevery": max(1, points // 8),
            "label": model_label(model),
        }


SOLID, DASHED, DOTTED, DASH_DOT = "-", (0, (5, 2)), (0, (1, 1.4)), (0, (5, 1.5, 1, 1.5))

STYLES = {
    "rvd": LineStyle("#D55E00", SOLID, "o"),
    "vd": LineStyle("#0072B2", DASHED, "s"),
    "rvd-2+3": LineStyle("#E69F00", DASH_DOT, "^"),
    "ivrnn": LineStyle("#009E73", SOLID, "D"),
    "ivrnn-4+4": LineStyle("#56B4E9", DASH_DOT, "v"),
    "svg-lp": LineStyle("#CC79A7", SOLID, "P"),
    "retro-gan": LineStyle("#8A6FB0", DASHED, "X"),
    "dvd-gan": LineStyle("#A6761D", DASHED, "<"),
    "future-gan": LineStyle("#B8A800", DASHED, ">"),
    "rvd-mean": LineStyle("#D55E00", DOTTED, "."),
    "analogue": LineStyle("#6F6F6F", DASH_DOT, "x"),
    "persistence": LineStyle("#9A9A9A", DOTTED, "+"),
}

# For a user's own models, in order: twelve styles that differ in grey, too.
SPARE = [
    LineStyle(
        ("#332288", "#117733", "#882255", "#44AA99")[index % 4],
        (SOLID, DASHED, DASH_DOT)[index % 3],
        "*hpd"[index % 4],
    )
    for index in range(12)
]


def line_styles(models: Iterable[str]) -> dict[str, LineStyle]:
    """Return a style for each of ``models``, in the order in which they are plotted and listed."""
    ordered = in_order(models)
    own = [model for model in ordered if model not in STYLES]
    spare = {model: SPARE[index % len(SPARE)] for index, model in enumerate(own)}
    return {model: STYLES.get(model) or spare[model] for model in ordered}


def styled(plot: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Run ``plot`` under :data:`SETTINGS`, and leave the user's settings as they are."""

    @wraps(plot)
    def within(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with matplotlib.rc_context(SETTINGS):
            return plot(*args, **kwargs)

    return within


def legend_below(figure: Figure, columns: int) -> None:
    """Add one legend for all panels of ``figure``, below them, with each label once.

    It has ``columns`` columns, or as many as the figure's width has room for.
    """
    found: dict[str, Any] = {}
    for axis in figure.axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    for count in range(min(columns, len(found)), 0, -1):
        legend = figure.legend(
            found.values(), found.keys(), loc="outside lower center", ncols=count
        )
        if count == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def wrapped(text: str, inches: float, points: float) -> str:
    """Return ``text`` wrapped to ``inches`` at a font size of ``points``; its line breaks stay."""
    # A letter is about half as wide as its size.
    letters = max(20, int(72 * inches / (0.53 * points)))
    return "\n".join(textwrap.fill(line, letters) for line in text.splitlines())


@styled
def notice(text: str) -> Figure:
    """Return a figure that shows ``text``, in place of a figure without any data."""
    figure = Figure(figsize=(FULL_WIDTH, 0.8))
    shown = wrapped(text, FULL_WIDTH, 8.5)
    figure.text(0.5, 0.5, shown, ha="center", va="center", color="#555555")
    return figure


@styled
def save(figure: Figure, folder: Path | str, name: str) -> Path:
    """Write ``figure`` as ``<folder>/<name>`` ``.png`` (300 dpi), ``.svg`` and ``.pdf``.

    Returns:
        The path of the PNG.

    Raises:
        UserError: The folder cannot be written.
    """
    paths = {kind: Path(folder) / f"{name}.{kind}" for kind in KINDS}
    for kind, path in paths.items():
        with atomic_write(path) as partial:
            figure.savefig(partial, format=kind, metadata=UNDATED[kind])
    return paths["png"]
