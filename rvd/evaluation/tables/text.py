"""The tables of :mod:`rvd.evaluation.tables.tables` as text for a terminal, Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from rvd.datasets.registry import dataset_label
from rvd.errors import UserError
from rvd.evaluation.labels import best_of, metric_name
from rvd.models.registry import model_label

PAPER_METRICS = ("fvd", "lpips", "crps")
TITLES = {
    "table1": "Table 1: test scores of every model",
    "ablation": "Table 2: ablations (residuals or frames; length of the training clips)",
}
MISSING = "–"
ABSENT = "not in this run"

Marked = Callable[[str], str]


def read_table(path: Path) -> pd.DataFrame:
    """A table's CSV as written by ``tabulate``; published numbers keep their printed digits.

    Raises:
        UserError: the file is missing or is not such a table.
    """
    try:
        rows = pd.read_csv(path, dtype={"published": str}, keep_default_na=True)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        raise UserError(f"{path}: is not a readable table of comma-separated values") from None
    if not {"model", "dataset", "metric", "ours", "published", "note"} <= set(rows.columns):
        raise UserError(f"{path}: is not a table written by this program")
    for column in ("note", "protocol"):
        rows[column] = rows[column].astype(object).fillna("").astype(str)
    return rows


def format_table(path: Path) -> str:
    """The CSV at ``path`` for a terminal: a block a dataset; ours, then (published), * the best.

    Raises:
        UserError: the file is missing or is not such a table.
    """
    rows = read_table(path)
    scored = rows[rows["ours"].notna()]
    blocks = [
        f"{dataset_label(str(dataset))}\n{_terminal_block(part, rows[rows['dataset'] == dataset])}"
        for dataset, part in scored.groupby("dataset", sort=False)
    ]
    key = "ours (published in the paper); * best of ours" if blocks else "No scores yet."
    return "\n\n".join([*blocks, "\n".join([key, *missing_cells(rows)])]) + "\n"


def _terminal_block(scored: pd.DataFrame, rows: pd.DataFrame) -> str:
    """``scored`` says which metrics are worth a column, ``rows`` what stands in it."""
    metrics = [name for name in dict.fromkeys(rows["metric"]) if name in set(scored["metric"])]
    shown = rows[rows["metric"].isin(metrics)]
    lines = [["", *(metric_name(metric).arrow for metric in metrics)]]
    for model, cells in shown.groupby("model", sort=False):
        by_metric = {row["metric"]: row for _, row in cells.iterrows()}
        texts = [_cell(by_metric.get(name), shown, lambda text: f"{text}*") for name in metrics]
        lines.append([model_label(str(model)), *texts])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  " + "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
        for line in lines
    )


def markdown_table(rows: pd.DataFrame, table: str, budget: str = "") -> str:
    """``rows`` of a table as Markdown: paper's metrics, further metrics, and what is missing."""
    parts = [f"**{TITLES[table]}.** {caption(rows, budget)}"]
    for metrics in _groups(rows):
        columns = _columns(rows, metrics)
        head = [
            f"{metric_name(metric).arrow} {dataset_label(dataset)}" for metric, dataset in columns
        ]
        lines = [["model", *head], ["---", *["---:"] * len(head)]]
        lines += [
            [model_label(model), *texts]
            for model, texts in _body(rows, columns, lambda text: f"**{text}**")
        ]
        parts.append("\n".join("| " + " | ".join(line) + " |" for line in lines))
    if missing := missing_cells(rows):
        parts.append("\n".join(["Missing:", "", *(f"- {line}" for line in missing)]))
    return "\n\n".join(parts) + "\n"


def latex_table(rows: pd.DataFrame, table: str, budget: str = "") -> str:
    """``rows`` of a table as LaTeX for the packages ``booktabs`` and ``graphicx``."""
    lines = [r"\begin{table*}", r"  \centering\small"]
    for metrics in _groups(rows):
        columns = _columns(rows, metrics)
        spans = [(name, sum(metric == name for metric, _ in columns)) for name in metrics]
        heads = [
            rf"\multicolumn{{{span}}}{{c}}{{{_escape(metric_name(name).arrow)}}}"
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
        body = _body(rows, columns, lambda text: f"<b>{text}</b>")
        lines += [
            "    " + " & ".join(map(_escape, [model_label(model), *texts])) + r" \\"
            for model, texts in body
        ]
        lines += [r"    \bottomrule", r"  \end{tabular}}", ""]
    notes = "; ".join(missing_cells(rows))
    text = f"{caption(rows, budget)}{f' Missing: {notes}.' if notes else ''}"
    lines += [rf"  \caption{{{_escape(text)}}}", rf"  \label{{tab:{table}}}", r"\end{table*}"]
    return "\n".join(lines) + "\n"


def caption(rows: pd.DataFrame, budget: str = "") -> str:
    """What the cells are: seeds, protocol of each metric, and ``budget`` in words."""
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
        lambda metrics: ", ".join(metric_name(name).label for name in dict.fromkeys(metrics))
    )
    for protocol, metrics in by_protocol.items():
        text += f" {metrics}: {protocol}."
    return f"{text} Budget: {budget}." if budget else text


def missing_cells(rows: pd.DataFrame) -> list[str]:
    """One line for each reason, naming where it holds."""
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
        details += [metric_name(metric).label] if metric else []
    return [f"{', '.join(labels)}: {note}" for note, labels in whole.items()] + [
        f"{reason}{' ' * bool(details)}{', '.join(details)} ({models})"
        for (reason, models), details in partly.items()
    ]


def _groups(rows: pd.DataFrame) -> list[list[str]]:
    """The paper's metrics, then the others: each group a table of its own."""
    found = list(dict.fromkeys(rows["metric"]))
    others = [name for name in found if name not in PAPER_METRICS]
    return [[name for name in PAPER_METRICS if name in found], *([others] if others else [])]


def _columns(rows: pd.DataFrame, metrics: Sequence[str]) -> list[tuple[str, str]]:
    """(metric, dataset) of each column, grouped by metric as in the paper."""
    found = set(zip(rows["metric"], rows["dataset"], strict=True))
    datasets = list(dict.fromkeys(rows["dataset"]))
    return [(name, dataset) for name in metrics for dataset in datasets if (name, dataset) in found]


def _body(
    rows: pd.DataFrame, columns: Sequence[tuple[str, str]], best: Marked
) -> list[tuple[str, list[str]]]:
    """For each model its name and the text of each column."""
    body = []
    for model, part in rows.groupby("model", sort=False):
        by_cell = {(row["metric"], row["dataset"]): row for _, row in part.iterrows()}
        if not by_cell.keys() & set(columns):
            continue
        body.append((str(model), [_cell(by_cell.get(key), rows, best, True) for key in columns]))
    return body


def _cell(row: pd.Series | None, rows: pd.DataFrame, best: Marked, ratio: bool = False) -> str:
    """Ours ± standard error (published, × ratio), with ``best`` put around the best of a column."""
    if row is None:
        return ""
    text = MISSING
    if pd.notna(row["ours"]):
        name = metric_name(row["metric"])
        text = f"{row['ours']:.{name.decimals}f}"
        if pd.notna(row["standard error"]):
            text += f" ± {row['standard error']:.{name.decimals}f}"
        column = rows[(rows["dataset"] == row["dataset"]) & (rows["metric"] == row["metric"])]
        given = column["ours"].dropna()
        if given.nunique() > 1 and row["ours"] == best_of(row["metric"], given):
            text = best(text)
    if pd.isna(row["published"]):
        return text
    relative = f", ×{row['ratio']:.2f}" if ratio and pd.notna(row["ratio"]) else ""
    return f"{text} ({row['published']}{relative})"


def _range(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def _escape(text: str) -> str:
    """``text`` for LaTeX; ``<b>`` becomes bold."""
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
