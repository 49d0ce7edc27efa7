"""One small panel per model, on common axes."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rvd.models.registry import model_label
from rvd.plotting.style import FULL_WIDTH, TITLE, wrapped

COLUMNS = 4


def model_panels(
    models: Sequence[str], title: str, labels: tuple[str, str]
) -> tuple[Figure, dict[str, Axes]]:
    """Return a figure of the page's width with a named panel for each model.

    Args:
        models: Names of models, at least one.
        title: Lines above the panels.
        labels: Labels of the axes, x and y.

    Returns:
        The figure, and the panel of each model.
    """
    columns = min(COLUMNS, len(models))
    rows = -(-len(models) // columns)
    title = wrapped(title, FULL_WIDTH, TITLE)
    height = 1.5 * rows + 0.85 + 0.14 * len(title.splitlines())
    figure = Figure(figsize=(FULL_WIDTH, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axis in axes.flat[len(models) :]:
        axis.set_visible(False)
    panels = dict(zip(models, axes.flat, strict=False))
    for index, (model, axis) in enumerate(panels.items()):
        axis.set_title(model_label(model), loc="left")
        # The lowest panel of a column may have an empty place below it.
        if index + columns >= len(models):
            axis.tick_params(labelbottom=True)
            axis.set_xlabel(labels[0])
        if index % columns == 0:
            axis.set_ylabel(labels[1])
    figure.suptitle(title, x=0.01, ha="left", fontsize=TITLE)
    return figure, panels
