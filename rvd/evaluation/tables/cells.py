"""The contents of a table, the same in each format: columns, cells, caption, missing cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from rvd.datasets.registry import dataset_label
from rvd.metrics.registry import PAPER_METRICS, score_label
from rvd.models.registry import model_label

TITLES = {
    "table1": "Table 1: test scores of every model",
    "ablation": "Table 2: ablations (residuals or frames; length of the training clips)",
}
MISSING = "–"

# A function that marks the text of a cell as the best of its column.
Mark = Callable[[str], str]


def metric_groups(rows: pd.DataFrame) -> list[list[str]]:
    """Return the paper's metrics, then the others; each group is a table of its own."""
    found = list(dict.fromkeys(rows["metric"]))
    others = [name for name in found if name not in PAPER_METRICS]
    return [[name for name in PAPER_METRICS if name in found], *([others] if others else [])]


def table_columns(rows: pd.DataFrame, metrics: Sequence[str]) -> list[tuple[str, str]]:
    """Return (metric, dataset) of each column, grouped by metric as in the paper."""
    found = set(zip(rows["metric"], rows["dataset"], strict=True))
    datasets = list(dict.fromkeys(rows["dataset"]))
    return [(name, dataset) for name in metrics for dataset in datasets if (name, dataset) in found]


def table_body(
    rows: pd.DataFrame, columns: Sequence[tuple[str, str]], best: Mark
) -> list[tuple[str, list[str]]]:
    """Return (model, text of each column) of the models that have a cell in ``columns``."""
    body = []
    for model, part in rows.groupby("model", sort=False):
        by_cell = {(row["metric"], row["dataset"]): row for _, row in part.iterrows()}
        if not by_cell.keys() & set(columns):
            continue
        body.append(
            (str(model), [cell_text(by_cell.get(key), rows, best, True) for key in columns])
        )
    return body


def cell_text(row: pd.Series | None, rows: pd.DataFrame, best: Mark, ratio: bool = False) -> str:
    """Return ours ± standard error (published, × ratio), marked where ours is the column's best.

    Args:
        row: The cell's row of the table; None gives an empty text.
        rows: All rows of the table, among which the best is found.
        best: Function that marks the best.
        ratio: Show ours divided by the published value.
    """
    if row is None:
        return ""
    text = MISSING
    if pd.notna(row["ours"]):
        label = score_label(row["metric"])
        text = f"{row['ours']:.{label.decimals}f}"
        if pd.notna(row["standard error"]):
            text += f" ± {row['standard error']:.{label.decimals}f}"
        column = rows[(rows["dataset"] == row["dataset"]) & (rows["metric"] == row["metric"])]
        given = column["ours"].dropna()
        if given.nunique() > 1 and row["ours"] == label.best(given):
            text = best(text)
    if pd.isna(row["published"]):
        return text
    relative = f", ×{row['ratio']:.2f}" if ratio and pd.notna(row["ratio"]) else ""
    return f"{text} ({row['published']}{relative})"


def caption(rows: pd.DataFrame, budget: str = "") -> str:
    """Return a description of the cells: seeds, the protocol of each metric, and ``budget``."""
    scored = rows[rows["ours"].notna()]
    if scored.empty:
        return "No scores yet; the published values are in parentheses."
    seeds = sorted(set(scored["seeds"].astype(int)))
    text = (
        f"{seeds[0]} seed."
        if seeds == [1]
        else f"Mean ± standard error over {_range(seeds)} seeds."
    )
    text += " In parentheses: the published value, and ours divided by it. Bold: the best of ours."
    by_protocol = scored.groupby("protocol", sort=False)["metric"].agg(
        lambda metrics: ", ".join(score_label(name).label for name in dict.fromkeys(metrics))
    )
    for protocol, metrics in by_protocol.items():
        text += f" {metrics}: {protocol}."
    return f"{text} Budget: {budget}." if budget else text


def missing_cells(rows: pd.DataFrame) -> list[str]:
    """Return one line per reason why cells are missing, with the cells that it holds for."""
    whole: dict[str, list[str]] = {}
    partly: dict[tuple[str, str], list[str]] = {}
    gaps = rows[rows["note"] != ""]
    for (dataset, note), cells in gaps.groupby(["dataset", "note"], sort=False):
        label = dataset_label(str(dataset))
        if len(cells) == (rows["dataset"] == dataset).sum():
            whole.setdefault(str(note), []).append(label)
            continue
        models = ", ".join(model_label(str(model)) for model in dict.fromkeys(cells["model"]))
        # The metric comes last; the reason before it may have colons of its own.
        reason, colon, metric = str(note).rpartition(": ")
        reason, metric = (reason, metric) if colon else (metric, "")
        details = partly.setdefault((f"{label}: {reason}", models), [])
        details += [score_label(metric).label] if metric else []
    return [f"{', '.join(labels)}: {note}" for note, labels in whole.items()] + [
        f"{reason}{' ' * bool(details)}{', '.join(details)} ({models})"
        for (reason, models), details in partly.items()
    ]


def _range(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
