"""The tables of the results as the gallery shows them: a table a metric, to be sorted."""

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
    """A cell's text, what to sort it by (None: it comes last), and how it is marked.

    ``kind`` is a class of the page's style.
    """

    text: str
    value: float | None = None
    kind: str = ""


@dataclass(frozen=True)
class ScoreTable:
    """One metric: a column for each dataset of ours, each beside the published.

    ``further`` says that the paper does not have this metric, ``protocol`` how ours was measured.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    further: bool
    protocol: str


def score_tables(path: Path) -> Iterator[ScoreTable]:
    """A table for each metric of the CSV at ``path`` of which there is a score.

    Raises:
        UserError: the file is missing or is not such a table.
    """
    table = read_table(path)
    for metric, part in table.groupby("metric", sort=False):
        scored = part[part["ours"].notna()]
        if scored.empty:
            continue
        datasets = list(dict.fromkeys(scored["dataset"]))
        # A metric that the paper does not have needs no column for it.
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
    """Ours ± standard error, or why it is missing; the best of ``column`` is marked."""
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
