"""Tables 1 and 2 of the paper: our scores next to the published ones, as a tidy CSV.

:mod:`rvd.evaluation.tables.terminal`, :mod:`~rvd.evaluation.tables.markdown` and
:mod:`~rvd.evaluation.tables.latex` convert the table to text.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Literal

import pandas as pd

from rvd.errors import UserError
from rvd.evaluation.scores.scores_file import one_value, read_scores
from rvd.evaluation.tables.latex import latex_table
from rvd.evaluation.tables.markdown import markdown_table
from rvd.files import atomic_write
from rvd.metrics.registry import PAPER_METRICS
from rvd.models.registry import in_order

Table = Literal["table1", "ablation"]

# The datasets of the paper's tables, in the order of their columns.
DATASETS = ("kth", "bair", "simulation", "cityscapes")

COLUMNS = (
    "model",
    "dataset",
    "metric",
    "ours",
    "standard error",
    "seeds",
    "published",
    "ratio",
    "protocol",
    "note",
)


@dataclass(frozen=True)
class Wanted:
    """The cells that the run should produce; any other is missing on purpose.

    Attributes:
        datasets: Names of the run's datasets.
        models: Names of the run's models.
        seeds: Seeds of training.
        seeds_of: Seeds of the models whose seeds differ from ``seeds``.
        excluded: The (model, dataset) that are left out, as a checkpoint may be for some datasets
            only.
    """

    datasets: Sequence[str]
    models: Sequence[str]
    seeds: Sequence[int]
    seeds_of: Mapping[str, Sequence[int]] = field(default_factory=dict)
    excluded: Collection[tuple[str, str]] = ()


def published(table: Table) -> dict[tuple[str, str, str], str]:
    """Return the paper's numbers by (model, dataset, metric), with the digits that were printed.

    The models trained on 2 + 6 and 4 + 8 frames, which Table 1 calls RVD and IVRNN, are ``rvd`` and
    ``ivrnn`` in both tables.

    Args:
        table: ``table1`` for Table 1 (all models), ``ablation`` for Table 2.
    """
    with files("rvd.evaluation.tables").joinpath("published.csv").open() as file:
        return {
            (row["model"], row["dataset"], row["metric"]): row["value"]
            for row in csv.DictReader(file)
            if row["table"] == table
        }


def tabulate(
    scores: Sequence[Path], table: Table, wanted: Wanted, output: Path, budget: str = ""
) -> pd.DataFrame:
    """Write the table as CSV and, in the same folder, as Markdown and LaTeX.

    There is one row for each cell of the paper's table, for each model of ours that the paper does
    not have (persistence, analogue, rvd-mean, a user's own), and for each further metric that was
    scored. ``ours`` is the mean over seeds, ``ratio`` is ours / published, and ``note`` is the
    reason why ``ours`` is missing.

    Args:
        scores: The ``scores.csv`` files; without any, all cells are missing.
        table: ``table1`` or ``ablation`` (Table 2).
        wanted: Datasets, models and seeds of the run.
        output: Path of the CSV.
        budget: Training and sampling budget in words, for the captions.

    Returns:
        The table as written.

    Raises:
        UserError: A scores file is faulty, models were scored on different numbers of clips, or
            ``output`` cannot be written.
    """
    values = one_value(read_scores(scores))
    _check_comparable(values)
    rows = pd.DataFrame(list(_rows(values, table, wanted)), columns=list(COLUMNS))
    with atomic_write(output) as partial:
        rows.to_csv(partial, index=False)
    for suffix, render in ((".md", markdown_table), (".tex", latex_table)):
        with atomic_write(output.with_suffix(suffix)) as partial:
            partial.write_text(render(rows, table, budget))
    return rows


def _check_comparable(values: pd.DataFrame) -> None:
    """Check that the models of each column were scored on the same number of clips.

    Raises:
        UserError: They were not.
    """
    present = values[values["value"].notna()]
    for (dataset, metric), cell in present.groupby(["dataset", "metric"], sort=False):
        if cell["videos"].nunique() > 1:
            few, many = [cell.sort_values("videos").iloc[place].to_dict() for place in (0, -1)]
            raise UserError(
                f"{metric} on {dataset} cannot be compared: {few['model']} (seed {few['seed']}) "
                f"was scored on {few['videos']:g} clips, {many['model']} (seed {many['seed']}) on "
                f"{many['videos']:g}; score them again with one config"
            )


def _rows(values: pd.DataFrame, table: Table, wanted: Wanted) -> Iterator[dict[str, object]]:
    paper = published(table)
    either = {model for name in ("table1", "ablation") for model, _, _ in published(name)}
    scored = list(dict.fromkeys(values["model"]))
    ours = [model for model in in_order([*wanted.models, *scored]) if model not in either]
    cells = {
        (str(model), str(dataset), str(metric)): cell
        for (model, dataset, metric), cell in values.groupby(["model", "dataset", "metric"])
    }
    known = {*wanted.models, *scored}
    datasets = list(dict.fromkeys([*DATASETS, *wanted.datasets]))
    metrics = list(dict.fromkeys([*PAPER_METRICS, *values["metric"]]))
    for model in [*dict.fromkeys(model for model, _, _ in paper), *ours]:
        for metric in metrics:
            for dataset in datasets:
                key = (model, dataset, metric)
                # Of the cells that the run does not produce, only the paper's are shown.
                if key in paper or (dataset in wanted.datasets and model in known):
                    yield _row(key, cells, paper.get(key), wanted)


def _row(
    key: tuple[str, str, str],
    cells: Mapping[tuple[str, str, str], pd.DataFrame],
    paper: str | None,
    wanted: Wanted,
) -> dict[str, object]:
    model, dataset, metric = key
    cell = cells.get(key)
    row: dict[str, object] = dict.fromkeys(COLUMNS)
    row |= {"model": model, "dataset": dataset, "metric": metric, "published": paper, "note": ""}
    if cell is None:
        scored = {name for name, where, _ in cells if where == dataset}
        row["note"] = _why_missing(key, scored, wanted)
        return row
    row["protocol"] = _protocol(cell)
    faulty = cell[~cell["value"].map(math.isfinite)]
    seeds = wanted.seeds_of.get(model, wanted.seeds)
    absent = [seed for seed in seeds if seed not in set(cell["seed"])]
    if len(faulty):
        if reason := faulty.iloc[0]["note"]:
            row |= {"protocol": None, "note": f"not computed ({reason}): {metric}"}
            return row
        row["note"] = f"not a number at seed {_listed(faulty['seed'])}"
        return row
    mean, count = float(cell["value"].mean()), len(cell)
    row |= {"ours": mean, "seeds": count}
    if count > 1:
        row["standard error"] = float(cell["value"].std(ddof=1)) / math.sqrt(count)
    if paper is not None:
        row["ratio"] = mean / float(paper)
    if absent:
        row["note"] = f"without seed {_listed(absent)}"
    return row


def _why_missing(key: tuple[str, str, str], scored: set[str], wanted: Wanted) -> str:
    model, dataset, metric = key
    if model in scored:
        return f"not computed: {metric}"
    if (model, dataset) in wanted.excluded:
        return "not tested on this dataset"
    if model in wanted.models and dataset in wanted.datasets:
        return "no scores yet"
    return "not in this run"


def _protocol(cell: pd.DataFrame) -> str:
    first = cell.iloc[0]
    return f"{first['protocol']}; {first['videos']:g} clips, {first['ensemble']:g} members".lstrip(
        "; "
    )


def _listed(seeds: Sequence[int] | pd.Series) -> str:
    return ", ".join(f"{seed:g}" for seed in seeds)
