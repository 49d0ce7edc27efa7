"""Paired tests: the CRPS of two models on the same clips, so that hard clips do not blur them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import permutation_test

from rvd.errors import UserError
from rvd.evaluation.scores.maps_file import MapsFile
from rvd.files import atomic_write

# Sign flips of the test, all of them where there are fewer.
RESAMPLES = 9999

COLUMNS = (
    "dataset",
    "better",
    "worse",
    "difference",
    "standard_error",
    "p",
    "clips",
    "seeds",
    "seeds_agree",
)


def clip_scores(maps: Iterable[Path]) -> pd.DataFrame:
    """Return the CRPS of each clip, mean over frames and pixels, in grey levels.

    Args:
        maps: Maps files, each of one dataset, model and seed.

    Returns:
        Columns ``dataset``, ``model``, ``seed``, ``clip`` and ``crps``.

    Raises:
        UserError: A file is missing, damaged or foreign, or given twice.
    """
    rows = []
    for path in maps:
        with MapsFile(path) as file:
            values = file.crps_by_clip()
        of_run = {"dataset": file.dataset, "model": file.model, "seed": file.seed}
        rows += [of_run | {"clip": clip, "crps": value} for clip, value in enumerate(values)]
    scores = pd.DataFrame(rows, columns=["dataset", "model", "seed", "clip", "crps"])
    if scores.duplicated(["dataset", "model", "seed", "clip"]).any():
        raise UserError("maps: two files are of the same dataset, model and seed")
    return scores


def paired_tests(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row per dataset and pair of models, the better one first.

    Seeds are averaged, so that the p-value is that of these trained models on other clips of the
    same kind; ``seeds_agree`` says in how many seeds that both have the order is the same. Clips of
    one video are not independent, so with few videos p-values are too small.

    Args:
        scores: Table of :func:`clip_scores`.

    Returns:
        Columns ``dataset``, ``better``, ``worse``, ``difference`` (mean CRPS of the worse one minus
        that of the better one, in grey levels), ``standard_error`` (over clips), ``p`` (two-sided,
        by flipping the signs of the clips' differences), ``clips``, ``seeds`` (that both have) and
        ``seeds_agree``.

    Raises:
        UserError: Two models of a dataset have different numbers of clips.
    """
    rows = []
    for dataset, found in scores.groupby("dataset", sort=False):
        by_model = {str(model): of_model for model, of_model in found.groupby("model", sort=False)}
        for one, other in combinations(by_model, 2):
            pair = [by_model[model].groupby("clip")["crps"].mean() for model in (one, other)]
            if len(pair[0]) != len(pair[1]):
                raise UserError(
                    f"maps: {one} has {len(pair[0])} clips of {dataset}, {other} {len(pair[1])}"
                )
            difference = (pair[1] - pair[0]).to_numpy()
            better, worse = (one, other) if difference.mean() >= 0 else (other, one)
            seeds = [by_model[model].groupby("seed")["crps"].mean() for model in (better, worse)]
            of_seeds = (seeds[1] - seeds[0]).dropna()
            rows.append(
                {
                    "dataset": dataset,
                    "better": better,
                    "worse": worse,
                    "difference": abs(difference.mean()),
                    "standard_error": _standard_error(difference),
                    "p": _p_value(difference),
                    "clips": len(difference),
                    "seeds": len(of_seeds),
                    "seeds_agree": int((of_seeds > 0).sum()),
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write_paired_tests(maps: Iterable[Path], output: Path) -> None:
    """Write the paired tests of all models as CSV.

    Raises:
        UserError: A maps file cannot be used, or ``output`` cannot be written.
    """
    table = paired_tests(clip_scores(maps))
    with atomic_write(output) as partial:
        table.to_csv(partial, index=False, float_format="%.6g")


def _standard_error(difference: Float[np.ndarray, " clip"]) -> float:
    return (
        float(difference.std(ddof=1) / np.sqrt(len(difference))) if len(difference) > 1 else np.nan
    )


def _p_value(difference: Float[np.ndarray, " clip"]) -> float:
    """Return the two-sided p-value of mean 0, by flipping signs with a fixed seed."""
    if len(difference) < 2 or not difference.any():
        return 1.0
    found = permutation_test(
        (difference,),
        np.mean,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)
