"""Tables as text for a terminal."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rvd.datasets.registry import dataset_label
from rvd.evaluation.tables.cells import cell_text, missing_cells
from rvd.evaluation.tables.table_file import read_table
from rvd.metrics.registry import score_label
from rvd.models.registry import model_label


def format_table(path: Path) -> str:
    """Return the CSV at ``path`` as one block per dataset: ours, (published), * the best of ours.

    Raises:
        UserError: The file is missing or is not such a table.
    """
    rows = read_table(path)
    scored = rows[rows["ours"].notna()]
    blocks = [
        f"{dataset_label(str(dataset))}\n{_block(part, rows[rows['dataset'] == dataset])}"
        for dataset, part in scored.groupby("dataset", sort=False)
    ]
    key = "ours (published in the paper); * best of ours" if blocks else "No scores yet."
    return "\n\n".join([*blocks, "\n".join([key, *missing_cells(rows)])]) + "\n"


def _block(scored: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Return one dataset's block, with a column for each metric of ``scored``."""
    metrics = [name for name in dict.fromkeys(rows["metric"]) if name in set(scored["metric"])]
    shown = rows[rows["metric"].isin(metrics)]
    lines = [["", *(score_label(metric).arrow for metric in metrics)]]
    for model, cells in shown.groupby("model", sort=False):
        by_metric = {row["metric"]: row for _, row in cells.iterrows()}
        texts = [cell_text(by_metric.get(name), shown, lambda text: f"{text}*") for name in metrics]
        lines.append([model_label(str(model)), *texts])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  " + "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
        for line in lines
    )
