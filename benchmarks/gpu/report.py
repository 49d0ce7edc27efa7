"""The rows of a session as Markdown, for ``docs/performance.md``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.gpu.rows import Row

# Columns of a row that are not shown in tables.
HIDDEN = {"stage", "seconds"}


def report(rows: Sequence[Row]) -> str:
    """Return one table per stage, with predictions next to measurements where there are any.

    Args:
        rows: Rows of all stages, in order. Of rows of the same name the last one counts; those that
            were skipped or failed are listed in the tables too.
    """
    described: Row = next((row for row in rows if row.get("rate") == "description"), {})
    lines = [f"On {described.get('device', 'an unknown device')}, torch {described.get('torch')}:"]
    for stage in dict.fromkeys(row["stage"] for row in rows):
        chosen = [row for row in _last(rows) if row["stage"] == stage]
        columns = list(dict.fromkeys(key for row in chosen for key in row if key not in HIDDEN))
        lines += ["", f"Stage `{stage}`:", "", _line(columns), _line(["---"] * len(columns))]
        lines += [_line([_cell(row.get(column)) for column in columns]) for row in chosen]
    return "\n".join(lines) + "\n"


def _last(rows: Sequence[Row]) -> list[Row]:
    """Return the rows without those that a later command measured again."""
    return list({_name(row): row for row in rows}.values())


def _name(row: Row) -> tuple[Any, ...]:
    keys = ("stage", "rate", "model", "check", "frames", "variant", "rows", "part")
    return tuple(row.get(key) for key in keys)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return "; ".join(f"{key}: {inner}" for key, inner in value.items()).replace("|", "/")
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    return str(value).replace("|", "/")
