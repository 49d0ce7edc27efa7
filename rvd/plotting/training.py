"""Training curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from rvd.datasets.registry import dataset_label
from rvd.errors import UserError
from rvd.plotting.style import FULL_WIDTH, legend_below, line_styles, notice, styled

# Values on a linear scale.
LINEAR = ("learning_rate", "steps_per_second")


def read_curves(paths: Iterable[Path]) -> pd.DataFrame:
    """Return the journals ``<dataset>/<model>/seed<k>/curve.csv``, concatenated.

    The columns dataset, model and seed are added from the paths.

    Raises:
        UserError: A file is missing, is no table, has no column ``step``, or lies elsewhere.
    """
    tables = []
    for path in map(Path, paths):
        try:
            table = pd.read_csv(path)
        except FileNotFoundError:
            raise UserError(f"{path}: there is no such file") from None
        except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
            raise UserError(f"{path}: is not a readable table of comma-separated values") from None
        if "step" not in table.columns:
            raise UserError(f"{path}: is not a training curve, it has no column step")
        dataset, model, seed = path.absolute().parts[-4:-1]
        if not seed.removeprefix("seed").isdigit():
            raise UserError(f"{path}: is not in a folder <dataset>/<model>/seed<number>")
        tables.append(
            table.assign(dataset=dataset, model=model, seed=int(seed.removeprefix("seed")))
        )
    if not tables:
        return pd.DataFrame({name: [] for name in ("step", "dataset", "model", "seed")})
    return pd.concat(tables, ignore_index=True)


@styled
def training_figure(
    curves: pd.DataFrame, values: Sequence[str] = ("loss",), smooth: float = 0.04
) -> Figure:
    """Return one row per value and one column per dataset: each seed's curve and its moving mean.

    Args:
        curves: Curves, from :func:`read_curves`.
        values: Columns of the curves; empty ones are left out.
        smooth: Window of the moving mean, as a fraction of the points.

    Returns:
        The figure; a notice where none of ``values`` was written.
    """
    shown = [name for name in values if name in curves.columns and curves[name].notna().any()]
    if not shown:
        names = " or ".join(value.replace("_", " ") for value in values)
        return notice(f"No training has written its {names}.")
    datasets = list(dict.fromkeys(curves["dataset"]))
    figure = Figure(figsize=(FULL_WIDTH, 2.2 * len(shown) + 0.8), layout="constrained")
    axes = figure.subplots(len(shown), len(datasets), squeeze=False, sharex="col")
    for row, name in zip(axes, shown, strict=True):
        for axis, dataset in zip(row, datasets, strict=True):
            part = curves[(curves["dataset"] == dataset) & curves[name].notna()]
            for model, style in line_styles(part["model"]).items():
                for index, (_, curve) in enumerate(part[part["model"] == model].groupby("seed")):
                    window = max(1, round(smooth * len(curve)))
                    mean = curve[name].rolling(window, min_periods=1, center=True).mean()
                    options = style.options(len(curve), model)
                    if index:
                        options["label"] = None
                    axis.plot(curve["step"], curve[name], color=style.color, alpha=0.2, lw=0.7)
                    axis.plot(curve["step"], mean, **options)
            if name not in LINEAR and (part[name] > 0).all():
                axis.set_yscale("log")
            if axis is row[0]:
                axis.set_ylabel(name.replace("_", " "))
            axis.yaxis.set_major_formatter(StrMethodFormatter("{x:.3g}"))
            axis.yaxis.set_minor_formatter(NullFormatter())
    for axis, dataset in zip(axes[0], datasets, strict=True):
        axis.set_title(dataset_label(dataset), loc="left")
    for axis in axes[-1]:
        axis.set_xlabel("training step")
    legend_below(figure, columns=6)
    return figure
