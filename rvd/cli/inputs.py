"""The result files that a verb is given on its command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from rvd.workflow.layout import SAMPLES, SCORES
from rvd.workflow.plan import Plan

Samples = Annotated[
    list[Path] | None,
    typer.Option(help="an ensemble file; may be repeated (default: those of the config's run)"),
]
Scores = Annotated[
    list[Path] | None,
    typer.Option(help="a scores file; may be repeated (default: those of the config's run)"),
]
Curves = Annotated[
    list[Path] | None,
    typer.Option(help="a training curve; may be repeated (default: those of the config's run)"),
]
Tables = Annotated[
    list[Path] | None,
    typer.Option(help="a CSV file of tabulate; may be repeated (default: the config's tables)"),
]


@dataclass(frozen=True)
class ResultFiles:
    """The files that figures and the gallery show. A table's file has the name of the table."""

    samples: list[Path]
    scores: list[Path]
    curves: list[Path]
    tables: list[Path]


def given_or_planned(
    plan: Plan,
    samples: list[Path] | None,
    scores: list[Path] | None,
    curves: list[Path] | None,
    tables: list[Path] | None,
) -> ResultFiles:
    """Return the files given on the command line; for a kind that was left out, those of ``plan``.

    Args:
        plan: The experiment, which lists all files of its run, whether they exist or not.
        samples: Ensemble files.
        scores: Scores files.
        curves: Training curves.
        tables: CSV files of ``rvd tabulate``.
    """
    return ResultFiles(
        samples=samples or _paths(plan.results(SAMPLES)),
        scores=scores or _paths(plan.results(SCORES)),
        curves=curves or _paths(plan.curves()),
        tables=tables or _paths(plan.layout.shown.tables()),
    )


def _paths(names: list[str]) -> list[Path]:
    return [Path(name) for name in names]
