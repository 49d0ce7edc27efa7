"""Tables as Markdown."""

from __future__ import annotations

import pandas as pd

from rvd.datasets.registry import dataset_label
from rvd.evaluation.tables.cells import (
    TITLES,
    caption,
    metric_groups,
    missing_cells,
    table_body,
    table_columns,
)
from rvd.metrics.registry import score_label
from rvd.models.registry import model_label


def markdown_table(rows: pd.DataFrame, table: str, budget: str = "") -> str:
    """Return ``rows`` of a table as Markdown: the paper's metrics, others, and the missing cells.

    Args:
        rows: The table, as ``tabulate`` returns it.
        table: Name of the table, ``table1`` or ``ablation``.
        budget: Training and sampling budget in words.
    """
    parts = [f"**{TITLES[table]}.** {caption(rows, budget)}"]
    for metrics in metric_groups(rows):
        columns = table_columns(rows, metrics)
        head = [
            f"{score_label(metric).arrow} {dataset_label(dataset)}" for metric, dataset in columns
        ]
        lines = [["model", *head], ["---", *["---:"] * len(head)]]
        lines += [
            [model_label(model), *texts]
            for model, texts in table_body(rows, columns, lambda text: f"**{text}**")
        ]
        parts.append("\n".join("| " + " | ".join(line) + " |" for line in lines))
    if missing := missing_cells(rows):
        parts.append("\n".join(["Missing:", "", *(f"- {line}" for line in missing)]))
    return "\n\n".join(parts) + "\n"
