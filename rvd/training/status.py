"""How far an experiment is: what its journals and result files tell."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rvd.training.history import Account, account_of, read_history
from rvd.training.journal import read_journal
from rvd.workflow.plan import Plan

HEADER = ("dataset", "model", "seed", "state", "steps", "loss", "steps/s", "left", "last entry",
          "on the way")  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """One model on one dataset with one seed.

    ``state`` is ``waiting``, ``training``, ``trained``, ``sampled`` or ``scored``; for a model that
    is not trained, one of the first and the last two. ``seconds_left`` is what the training still
    takes at the rate of its last journal entry, ``silent`` how many seconds ago that was written;
    both are None when there is none. ``account`` tells how often it was taken up again, and why.
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
    account: Account = field(default_factory=Account)

    @property
    def seconds_left(self) -> float | None:
        """Of the training; None when nothing is known, or left."""
        if self.state != "training" or not self.rate or self.steps is None:
            return None
        return (self.steps - self.step) / self.rate


def progress_of(plan: Plan) -> Iterator[Progress]:
    """The progress of everything that ``plan`` runs, in the order of its config."""
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
        return Path(plan.result(dataset, model, seed, name)).exists()

    state = "scored" if exists("scores.csv") else "sampled" if exists("samples.h5") else "waiting"
    if not own:
        return Progress(dataset, model, seed, state)
    folder = Path(plan.checkpoints(dataset, model, seed))
    journal = folder / "journal.jsonl"
    entries = read_journal(journal)
    if state == "waiting":
        if exists("predictor.safetensors"):
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
        account=account_of(read_history(folder)),
    )


def format_progress(found: list[Progress]) -> str:
    """A table in text: a line for each model, and one that counts them."""
    rows = [HEADER, *(_row(progress) for progress in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in rows]  # fmt: skip
    states = [progress.state for progress in found]
    counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return "\n".join([*lines, "", f"{len(found)} in all: {counted}"])


def format_accounts(found: Iterable[Progress]) -> str:
    """A line for each training: how often it was taken up again, and what was passed over."""
    trained = [progress for progress in found if progress.steps is not None]
    lines = [f"{p.dataset}/{p.model}, seed {p.seed}: {p.account}" for p in trained]
    return "\n".join(lines) or "none"


def _row(progress: Progress) -> tuple[str, ...]:
    begun = progress.steps is not None and progress.state != "waiting"
    losses = progress.losses or {}
    left = progress.seconds_left
    return (
        progress.dataset,
        progress.model,
        str(progress.seed),
        progress.state,
        f"{progress.step:,}/{progress.steps:,}" if begun else "",
        " ".join(f"{value:.4g}" for value in losses.values()) if begun else "",
        f"{progress.rate:.3g}" if begun and progress.rate else "",
        _duration(left) if left is not None else "",
        f"{_duration(progress.silent)} ago" if begun and progress.silent is not None else "",
        str(progress.account) if begun else "",
    )


def _duration(seconds: float) -> str:
    """As ``2 days, 3:04:05``."""
    return str(datetime.timedelta(seconds=round(seconds)))
