"""Tables as LaTeX."""

from __future__ import annotations

import pandas as pd

from rvd.datasets.registry import dataset_label
from rvd.evaluation.tables.cells import (
    caption,
    metric_groups,
    missing_cells,
    table_body,
    table_columns,
)
from rvd.metrics.registry import score_label
from rvd.models.registry import model_label


def latex_table(rows: pd.DataFrame, table: str, budget: str = "") -> str:
    """Return ``rows`` of a table as LaTeX for the packages ``booktabs`` and ``graphicx``.

    Args:
        rows: The table, as ``tabulate`` returns it.
        table: Name of the table, ``table1`` or ``ablation``.
        budget: Training and sampling budget in words.
    """
    lines = [r"\begin{table*}", r"  \centering\small"]
    for metrics in metric_groups(rows):
        columns = table_columns(rows, metrics)
        spans = [(name, sum(metric == name for metric, _ in columns)) for name in metrics]
        heads = [
            rf"\multicolumn{{{span}}}{{c}}{{{_escape(score_label(name).arrow)}}}"
            for name, span in spans
            if span
        ]
        lines += [
            r"  \resizebox{\textwidth}{!}{%",
            rf"  \begin{{tabular}}{{l{'r' * len(columns)}}}",
            r"    \toprule",
            f"    & {' & '.join(heads)} \\\\",
            f"    & {' & '.join(_escape(dataset_label(name)) for _, name in columns)} \\\\",
            r"    \midrule",
        ]
        body = table_body(rows, columns, lambda text: f"<b>{text}</b>")
        lines += [
            "    " + " & ".join(map(_escape, [model_label(model), *texts])) + r" \\"
            for model, texts in body
        ]
        lines += [r"    \bottomrule", r"  \end{tabular}}", ""]
    notes = "; ".join(missing_cells(rows))
    text = f"{caption(rows, budget)}{f' Missing: {notes}.' if notes else ''}"
    lines += [rf"  \caption{{{_escape(text)}}}", rf"  \label{{tab:{table}}}", r"\end{table*}"]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    """Return ``text`` escaped for LaTeX, with ``<b>`` as bold."""
    for plain, escaped in {
        "_": r"\_",
        "%": r"\%",
        "&": r"\&",
        "#": r"\#",
        "±": r"$\pm$",
        "×": r"$\times$",
        "μ": r"$\mu$",
        "↓": r"$\downarrow$",
        "↑": r"$\uparrow$",
        "→": r"$\to$",
        "√": r"$\surd$",
        "−": "$-$",
        "²": "$^2$",
        "·": r"$\cdot$",
        "–": "--",
        "<b>": r"\textbf{",
        "</b>": "}",
    }.items():
        text = text.replace(plain, escaped)
    return text
