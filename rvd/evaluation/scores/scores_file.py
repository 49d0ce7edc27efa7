"""Reading ``scores.csv`` (``docs/data-format.md``), one or many, checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from rvd.errors import UserError

COLUMNS = (
    "dataset",
    "model",
    "seed",
    "metric",
    "frame",
    "value",
    "videos",
    "ensemble",
    "protocol",
    "low",
    "high",
    "note",
)
# A file without them is whole: nothing in it is missing, and it gives no intervals.
OPTIONAL = ("low", "high", "note")


def read_scores(paths: Iterable[Path]) -> pd.DataFrame:
    """The rows of all ``paths``, one after the other, with the columns of the format.

    ``frame`` is empty (NaN) for a number about all frames; ``value`` is NaN where the file says so,
    and ``note`` says why.

    Raises:
        UserError: a file is missing, empty, not a table, lacks a column or holds words where
            numbers belong; or two files score the same thing.
    """
    tables = [_read(Path(path)) for path in paths]
    if not tables:
        return pd.DataFrame({column: [] for column in COLUMNS})
    scores = pd.concat(tables, ignore_index=True)
    key = ["dataset", "model", "seed", "metric", "frame", "protocol"]
    twice = scores[scores.duplicated(key)]
    if len(twice):
        row = twice.iloc[0]
        raise UserError(
            f"scores: {row['metric']} of {row['model']} on {row['dataset']}, seed {row['seed']}, "
            f"is given twice; were the same scores named twice?"
        )
    return scores


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={"dataset": str, "model": str, "metric": str})
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except pd.errors.EmptyDataError:
        raise UserError(f"{path}: is empty") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError):
        raise UserError(f"{path}: is not a readable table of comma-separated values") from None
    missing = [column for column in COLUMNS if column not in {*table.columns, *OPTIONAL}]
    if missing:
        raise UserError(f"{path}: is not a scores file, it lacks the column {', '.join(missing)}")
    if table.empty:
        raise UserError(f"{path}: holds no scores")
    table = table.reindex(columns=list(COLUMNS))
    for column in ("seed", "frame", "value", "videos", "ensemble", "low", "high"):
        try:
            table[column] = pd.to_numeric(table[column])
        except (ValueError, TypeError):
            raise UserError(f"{path}: column {column} holds something not a number") from None
    for column in ("protocol", "note"):
        table[column] = table[column].astype(object).fillna("").astype(str)
    return table


def one_value(scores: pd.DataFrame) -> pd.DataFrame:
    """One row for each dataset, model, seed and metric: its number about all future frames.

    Where a file gives none for all frames together, it is the mean over the frames. A frame that is
    NaN makes the mean NaN: a hole is not averaged away.
    """
    key = ["dataset", "model", "seed", "metric"]
    whole = scores[scores["frame"].isna()].set_index(key)
    by_frame = scores[scores["frame"].notna()].groupby(key, sort=False)
    means = by_frame.agg(
        value=("value", lambda values: values.mean(skipna=False)),
        videos=("videos", "first"),
        ensemble=("ensemble", "first"),
        protocol=("protocol", "first"),
        note=("note", "first"),
    )
    both = pd.concat([whole[means.columns], means])
    return both[~both.index.duplicated()].reset_index()
