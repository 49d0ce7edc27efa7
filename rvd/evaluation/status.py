"""The progress of an experiment, from its journals and result files."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rvd.training.history import HistorySummary, read_history, summarise
from rvd.training.journal import journal_path, read_journal
from rvd.workflow.layout import PREDICTOR, SAMPLES, SCORES
from rvd.workflow.plan import Plan

HEADER = ("dataset", "model", "seed", "state", "steps", "loss", "steps/s", "left", "last entry",
          "history")  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """The progress of one model on one dataset with one seed.

    Attributes:
        dataset: Name of the dataset.
        model: Name of the model.
        seed: Seed of the training.
        state: ``waiting``, ``training``, ``trained``, ``sampled`` or ``scored``; for a model that
            is not trained, the first or one of the last two.
        step: Step of the last journal entry.
        steps: Number of steps of the training; None for a model that is not trained.
        losses: Losses of the last journal entry.
        rate: Steps per second of the last journal entry; None if there is none.
        silent: Seconds since the last journal entry; None if there is no journal.
        history: Resumptions of the training, and the reasons for them.
    """

    dataset: str
    model: str
    seed: int
    state: str
    step: int = 0
    steps: int | None = None
    losses: dict[str, float] | None = None
    rate: float | None = None
    silent: float | None = None
    history: HistorySummary = field(default_factory=HistorySummary)

    @property
    def seconds_left(self) -> float | None:
        """The rest of the training at its last rate; None if that is unknown or nothing is left."""
        if self.state != "training" or not self.rate or self.steps is None:
            return None
        return (self.steps - self.step) / self.rate


def progress_of(plan: Plan) -> Iterator[Progress]:
    """Yield the progress of everything that ``plan`` runs, in the order of its config."""
    run = plan.experiment.run
    for dataset in run.datasets:
        for model in run.models:
            if not plan.tested_on(dataset, model):
                continue
            trained = plan.trained_by(model)
            for seed in plan.seeds(model):
                yield _progress(plan, dataset, model, seed, own=trained == model)


def _progress(plan: Plan, dataset: str, model: str, seed: int, *, own: bool) -> Progress:
    def exists(name: str) -> bool:
        return Path(plan.layout.result(dataset, model, seed, name)).exists()

    state = "scored" if exists(SCORES) else "sampled" if exists(SAMPLES) else "waiting"
    if not own:
        return Progress(dataset, model, seed, state)
    folder = Path(plan.layout.checkpoints(dataset, model, seed))
    journal = journal_path(folder)
    entries = read_journal(journal)
    if state == "waiting":
        if exists(PREDICTOR):
            state = "trained"
        elif journal.exists():
            state = "training"
    described: Any = plan.experiment.model(model, dataset)
    last = entries[-1] if entries else {}
    return Progress(
        dataset,
        model,
        seed,
        state,
        step=int(last.get("step", 0)),
        steps=described.training.steps,
        losses={name: value for name, value in last.items() if name.endswith("loss")},
        rate=last.get("steps_per_second"),
        silent=max(0.0, time.time() - journal.stat().st_mtime) if journal.exists() else None,
        history=summarise(read_history(folder)),
    )


def format_progress(found: list[Progress]) -> str:
    """Return a table as text: one line per model, and the number of models in each state."""
    rows = [HEADER, *(_row(progress) for progress in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in rows]  # fmt: skip
    states = [progress.state for progress in found]
    counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return "\n".join([*lines, "", f"{len(found)} in all: {counted}"])


def format_histories(found: Iterable[Progress]) -> str:
    """Return one line per training: its resumptions and the checkpoints that were skipped."""
    trained = [progress for progress in found if progress.steps is not None]
    lines = [f"{p.dataset}/{p.model}, seed {p.seed}: {p.history}" for p in trained]
    return "\n".join(lines) or "none"


def _row(progress: Progress) -> tuple[str, ...]:
    started = progress.steps is not None and progress.state != "waiting"
    losses = progress.losses or {}
    left = progress.seconds_left
    return (
        progress.dataset,
        progress.model,
        str(progress.seed),
        progress.state,
        f"{progress.step:,}/{progress.steps:,}" if started else "",
        " ".join(f"{value:.4g}" for value in losses.values()) if started else "",
        f"{progress.rate:.3g}" if started and progress.rate else "",
        _duration(left) if left is not None else "",
        f"{_duration(progress.silent)} ago" if started and progress.silent is not None else "",
        str(progress.history) if started else "",
    )


def _duration(seconds: float) -> str:
    """Return seconds as ``2 days, 3:04:05``."""
    return str(datetime.timedelta(seconds=round(seconds)))
