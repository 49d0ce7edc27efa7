"""Samplers compared: CRPS of the forecasts against their cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from rvd.errors import UserError
from rvd.plotting.style import DASH_DOT, DASHED, DOTTED, FULL_WIDTH, SOLID, STYLES, styled

COLUMNS = ("sampler", "steps", "clip", "crps", "seconds")
LABELS = {"ancestral": "ancestral", "ddim": "DDIM", "dpm-solver": "DPM-Solver++(2M)"}

DASHES = (SOLID, DASHED, DOTTED, DASH_DOT)


def read_costs(path: Path) -> pd.DataFrame:
    """Return measurements of one trained model: a row per sampler, number of steps and bound.

    ``clip`` bounds the implied y₀ (empty: no bound), ``seconds`` is the time of the forecasts.

    Raises:
        UserError: The file is missing, empty, or lacks a column.
    """
    try:
        costs = pd.read_csv(path)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        raise UserError(f"{path}: is not a readable table of comma-separated values") from None
    missing = [column for column in COLUMNS if column not in costs.columns]
    if missing or costs.empty:
        raise UserError(
            f"{path}: holds no measurements of samplers"
            + (f", it lacks the column {', '.join(missing)}" if missing else "")
        )
    return costs


@styled
def sampler_cost_figure(costs: pd.DataFrame) -> Figure:
    """Return CRPS against seconds, with the number of steps at each point.

    Each sampler has its colour, each bound its dash.

    Args:
        costs: Measurements, from :func:`read_costs`.
    """
    figure = Figure(figsize=(FULL_WIDTH, 3.75), layout="constrained")
    axis = figure.subplots()
    styles = dict(zip(dict.fromkeys(costs["sampler"]), STYLES.values(), strict=False))
    bounds = dict(zip(dict.fromkeys(costs["clip"].fillna(np.inf)), DASHES, strict=False))
    lines = costs.sort_values("steps").groupby(["sampler", "clip"], dropna=False, sort=False)
    labelled: set[str] = set()
    for _, line in lines:
        sampler, clip = line["sampler"].iloc[0], line["clip"].fillna(np.inf).iloc[0]
        style, name = styles[sampler], LABELS.get(sampler, sampler)
        axis.plot(
            line["seconds"], line["crps"], color=style.color, marker=style.marker, markersize=5.5,
            linestyle=bounds[clip], fillstyle="full" if bounds[clip] == SOLID else "none",
            label=f"{name}, {'no bound' if np.isinf(clip) else f'bound {clip:g}'}",
        )  # fmt: skip
        # Once per sampler, as its lines are close; alternately below and above.
        offset = 5 if len(labelled) % 2 else -11
        for _, point in [] if sampler in labelled else line.iterrows():
            axis.annotate(
                f"{point['steps']:g}", (point["seconds"], point["crps"]), xytext=(0, offset),
                textcoords="offset points", ha="center", fontsize=7, color=style.color,
            )  # fmt: skip
        labelled.add(sampler)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_ylim(0, 1.12 * costs["crps"].max())
    axis.set_xlabel("seconds for the same forecasts; the numbers are steps")
    axis.set_ylabel("CRPS (grey levels), lower is better")
    figure.legend(loc="outside lower center", ncols=3)
    return figure
