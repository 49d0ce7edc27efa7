"""The results of an incomplete experiment that exist so far, and those that are missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rvd.workflow.layout import CURVE, SAMPLES, SCORES
from rvd.workflow.plan import Plan

# File name of a result, and its name in words.
KINDS = {SCORES: "scores", SAMPLES: "forecasts", CURVE: "training curve"}


@dataclass(frozen=True)
class ExistingResults:
    """Paths of the results that exist, in the order of the config.

    ``missing`` has one line for each dataset that lacks results.
    """

    samples: list[str]
    scores: list[str]
    curves: list[str]
    missing: list[str]

    @property
    def empty(self) -> bool:
        """True when there is neither a forecast nor a score to tabulate or draw."""
        return not (self.samples or self.scores)

    def fingerprint(self) -> str:
        """Return a digest of the files' names, sizes and times, and of what is missing."""
        digest = hashlib.sha256("\n".join(self.missing).encode())
        for path in [*self.samples, *self.scores, *self.curves]:
            status = Path(path).stat()
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
        return digest.hexdigest()


def existing_results(plan: Plan) -> ExistingResults:
    """Look for the results of everything that ``plan`` runs.

    Each file that exists counts, without a check that it was made with the present config.
    """
    wanted = {
        SAMPLES: plan.results(SAMPLES),
        SCORES: plan.results(SCORES),
        CURVE: plan.curves(),
    }
    found = {name: [path for path in wanted[name] if Path(path).exists()] for name in wanted}
    absent = {path for name in wanted for path in wanted[name]} - {
        path for paths in found.values() for path in paths
    }
    return ExistingResults(
        samples=found[SAMPLES],
        scores=found[SCORES],
        curves=found[CURVE],
        missing=list(_missing(plan, {path for paths in wanted.values() for path in paths}, absent)),
    )


def _missing(plan: Plan, wanted: set[str], absent: set[str]) -> Iterator[str]:
    """Yield a line for each dataset with absent files: ``simulation: vd, seed 0 (scores)``."""
    run = plan.experiment.run
    for dataset in run.datasets:
        lacking, complete = [], True
        for model in run.models:
            for seed in plan.seeds(model):
                paths = {name: plan.layout.result(dataset, model, seed, name) for name in KINDS}
                expected = [name for name in KINDS if paths[name] in wanted]
                gone = [KINDS[name] for name in expected if paths[name] in absent]
                complete = complete and len(gone) == len(expected)
                if gone:
                    which = f"{model}, seed {seed}" if plan.trained_by(model) else model
                    lacking.append(f"{which} ({', '.join(gone)})")
        if lacking and complete:
            videos = plan.layout.videos(dataset)
            why = "" if Path(videos).exists() else f": {videos} does not exist"
            yield f"{dataset}: no results of any model{why}"
        elif lacking:
            yield f"{dataset}: {'; '.join(lacking)}"
