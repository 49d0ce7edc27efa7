"""The tables of the results as the gallery shows them: one sortable table per metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rvd.datasets.registry import dataset_label
from rvd.evaluation.tables.table_file import read_table
from rvd.metrics.registry import PAPER_METRICS, score_label
from rvd.models.registry import model_label


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: Text of the cell.
        value: Key by which the column sorts; None comes last.
        kind: Class in the page's style sheet.
    """

    text: str
    value: float | None = None
    kind: str = ""


@dataclass(frozen=True)
class ScoreTable:
    """The table of one metric, with a column of ours and one of the published scores per dataset.

    Attributes:
        caption: Label of the metric.
        header: Headings of the columns.
        rows: Cells, row by row.
        further: True for a metric that the paper does not have.
        protocol: Protocol of our scores, in words.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    further: bool
    protocol: str


def score_tables(path: Path) -> Iterator[ScoreTable]:
    """Yield a table for each metric with a score in the CSV at ``path``.

    Raises:
        UserError: The file is missing or is not such a table.
    """
    table = read_table(path)
    for metric, part in table.groupby("metric", sort=False):
        scored = part[part["ours"].notna()]
        if scored.empty:
            continue
        datasets = list(dict.fromkeys(scored["dataset"]))
        # A metric that the paper does not have needs no column of published scores.
        compared = [name for name in datasets if _of(part, name)["published"].notna().any()]
        header = ["model"]
        for dataset in datasets:
            header += [dataset_label(dataset), *(["published"] if dataset in compared else [])]
        rows = []
        for model, own in part.groupby("model", sort=False):
            row = [Cell(model_label(str(model)))]
            for dataset in datasets:
                row.append(_ours(_of(own, dataset), _of(scored, dataset)))
                if dataset in compared:
                    row.append(_published(_of(own, dataset)))
            rows.append(row)
        caption = score_label(str(metric)).with_unit
        protocols = ". ".join(dict.fromkeys(scored["protocol"]))
        yield ScoreTable(caption, header, rows, metric not in PAPER_METRICS, protocols)


def _of(rows: pd.DataFrame, dataset: str) -> pd.DataFrame:
    return rows[rows["dataset"] == dataset]


def _ours(cell: pd.DataFrame, column: pd.DataFrame) -> Cell:
    """Return ours ± standard error, marked where ``column`` has no better, or why it is missing."""
    if cell.empty:
        return Cell("–", kind="missing")
    row = cell.iloc[0]
    if pd.isna(row["ours"]):
        return Cell(str(row["note"]), kind="missing")
    label = score_label(row["metric"])
    text = f"{row['ours']:.{label.decimals}f}"
    if pd.notna(row["standard error"]):
        text += f" ± {row['standard error']:.{label.decimals}f}"
    best = row["ours"] == label.best(column["ours"])
    return Cell(text, float(row["ours"]), "best" if best else "")


def _published(cell: pd.DataFrame) -> Cell:
    if cell.empty or pd.isna(cell.iloc[0]["published"]):
        return Cell("–", kind="missing")
    value = str(cell.iloc[0]["published"])
    return Cell(value, float(value), kind="published")
