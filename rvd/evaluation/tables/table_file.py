"""Reading a table's CSV, checked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rvd.errors import UserError


def read_table(path: Path) -> pd.DataFrame:
    """Return a table as ``tabulate`` wrote it; published numbers keep their printed digits.

    Raises:
        UserError: The file is missing or is not such a table.
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
