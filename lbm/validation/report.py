"""Validation results as a table and plots, for `python -m lbm validate`."""

import csv
from collections.abc import Iterable
from pathlib import Path

from lbm.validation.case import Case

HEADER = ("case", "quantity", "value", "low", "high", "passed", "reference", "seconds")


def rows(cases: Iterable[Case]) -> list[tuple[str, ...]]:
    """Return one row of text per check, in the order of `HEADER`."""
    return [
        (
            case.name,
            check.quantity,
            f"{check.value:.5g}",
            f"{check.low:.5g}",
            f"{check.high:.5g}",
            "yes" if check.passed else "NO",
            check.source,
            f"{case.seconds:.1f}",
        )
        for case in cases
        for check in case.checks
    ]


def table(cases: Iterable[Case]) -> str:
    """Format the checks as a Markdown table with aligned columns."""
    lines = [HEADER, *rows(cases)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    text = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def write(cases: list[Case], names: list[str], folder: Path) -> None:
    """Write `validation.csv`, `validation.md` and one plot per case.

    Raises:
        OSError: The folder cannot be written.
    """
    from lbm.plotting import save
    from lbm.validation.plotting import case_figure

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "validation.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows(cases)])
    (folder / "validation.md").write_text(table(cases) + "\n")
    for name, case in zip(names, cases, strict=True):
        save(case_figure(case), folder, name)
