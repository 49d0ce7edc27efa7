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
# A file may lack these columns: then no score is missing, and there are no intervals.
OPTIONAL = ("low", "high", "note")


def read_scores(paths: Iterable[Path]) -> pd.DataFrame:
    """Return the rows of all ``paths``, concatenated, with the columns of the format.

    ``frame`` is empty (NaN) for a score of all frames together; ``value`` is NaN where there is no
    score, and ``note`` gives the reason.

    Raises:
        UserError: A file is missing, empty, not a table, lacks a column or holds text in a column
            of numbers; or two files contain the same score.
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
    """Return one row per dataset, model, seed and metric: the score of all future frames.

    Where a file has no score of all frames together, it is the mean over the frames. A frame that
    is NaN makes the mean NaN, so that no gap is averaged away.
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
