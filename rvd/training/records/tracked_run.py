"""The runs of trackers in which a training is recorded, each on a thread of its own."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from rvd.config.tracking import TrackingConfig
from rvd.errors import TemporaryError, UserError
from rvd.files import atomic_write, reported
from rvd.plugins import described
from rvd.training.records.board import kept_pictures
from rvd.training.records.trackers import TRACKERS, Tracker

# Seconds within which a tracker has to start, and to end: fewer when the training is interrupted,
# since a cluster kills what does not end soon after TERM.
START = 120.0
END, END_INTERRUPTED = 300.0, 15.0


class TrackedRun:
    """One run of a tracker, which is continued whenever the training is.

    ``<tracker>.json`` has the run's id and the steps of the last entry and picture that were taken:
    a resumed training repeats the steps after its checkpoint, and adds only those that are missing.
    No step waits for the tracker. If it fails, that is reported in one line, and the training
    continues without it.

    Args:
        tracker: Program that records.
        settings: Settings of the training by name.

    Raises:
        UserError: The tracker cannot start.
    """

    def __init__(self, tracker: Tracker, settings: Mapping[str, Any]) -> None:
        self.tracker, self.path = tracker, tracker.folder / f"{tracker.package}.json"
        self._state = _read(self.path)
        self._added = {kind: self._state[kind] for kind in ("entry", "picture")}
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._failed = threading.Event()
        outcome: SimpleQueue[Exception | None] = SimpleQueue()
        # MLflow's runs belong to a thread. A daemon, which cannot keep the process from ending.
        self._thread = threading.Thread(
            target=self._work, args=(settings, outcome), name=tracker.package, daemon=True
        )
        self._thread.start()
        try:
            error = outcome.get(timeout=START)
        except Empty:
            error = TimeoutError(f"no answer within {START:.0f} s")
        if error is not None:
            remedy = f"; {self.path} has its run" if self._state["run"] else ""
            kind = TemporaryError if tracker.sends else UserError
            raise kind(
                f"tracking.trackers: {tracker.package} cannot start ({described(error)}{remedy}); "
                f"correct its settings ({tracker.variable}), or leave it out"
            ) from error

    def resume(self, folder: Path, entries: Iterable[Mapping[str, float]], step: int) -> None:
        """Add the records until ``step`` that the run lacks, such as all where the run is new.

        Args:
            folder: Folder of the training.
            entries: Entries of its journal until ``step``.
            step: Number of steps done.
        """
        records: list[tuple[int, Callable[[], None]]] = []
        for entry in entries:
            # A damaged entry may have other values; those of the trainer are floats.
            values = {name: value for name, value in entry.items() if isinstance(value, float)}
            records.append((int(entry["step"]), partial(self.log, int(entry["step"]), values)))
        for at, picture in kept_pictures(folder, self._added["picture"], step):
            records.append((at, partial(self.show, at, "validation", picture)))
        for _, add in sorted(records, key=lambda record: record[0]):
            add()

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add an entry with ``values`` after ``step`` steps."""
        self._add("entry", step, partial(self.tracker.log, step, dict(values)))

    def show(self, step: int, name: str, picture: np.ndarray) -> None:
        """Add a picture (height, width, 3), uint8."""
        self._add("picture", step, partial(self.tracker.show, step, name, picture))

    def close(self) -> None:
        """End the run after the records that were added."""
        self._calls.put(None)

    def wait(self, seconds: float) -> None:
        """Wait for the end of a closed run, for so many ``seconds`` at most."""
        if not self._failed.is_set():
            self._thread.join(max(seconds, 0.0))
        if self._thread.is_alive() and not self._failed.is_set():
            self._report("it has not ended in time, and is left")

    def _add(self, kind: str, step: int, call: Callable[[], None]) -> None:
        if step > self._added[kind] and not self._failed.is_set():
            self._added[kind] = step
            self._calls.put(partial(self._take, kind, step, call))

    def _take(self, kind: str, step: int, call: Callable[[], None]) -> None:
        call()
        self._state[kind] = step
        self._write()

    def _work(self, settings: Mapping[str, Any], outcome: SimpleQueue[Exception | None]) -> None:
        try:
            self._state["run"] = self.tracker.start(self._state["run"], settings)
            self._write()
        except Exception as error:  # of another package's code; the constructor raises it
            outcome.put(error)
            return
        outcome.put(None)
        try:
            while (call := self._calls.get()) is not None:
                call()
            self.tracker.finish()
        except Exception as error:  # of another package's code; a training does not need it
            self._failed.set()
            self._report(described(error))
            with suppress(Exception):
                self.tracker.finish()

    def _write(self) -> None:
        with atomic_write(self.path) as partial_path:
            partial_path.write_text(json.dumps(self._state))

    def _report(self, fault: str) -> None:
        print(
            f"tracking.trackers: {self.tracker.package} failed ({fault}); the training continues "
            "without it",
            file=sys.stderr,
            flush=True,
        )


@contextmanager
def tracked_runs(
    tracking: TrackingConfig, folder: Path, name: str, settings: Mapping[str, Any]
) -> Iterator[list[TrackedRun]]:
    """Yield a run of each tracker of the config, and end them after the block.

    Args:
        tracking: Section of the config.
        folder: Folder of the training; the trackers write in its sub-folder ``trackers``.
        name: Name of the runs.
        settings: Settings of the training, nested.

    Raises:
        UserError: A tracker cannot start.
    """
    runs: list[TrackedRun] = []
    seconds = END_INTERRUPTED
    try:
        for kind in dict.fromkeys(tracking.trackers):
            own = folder / "trackers"
            with reported(own):
                own.mkdir(parents=True, exist_ok=True)
            tracker = TRACKERS[kind](own, tracking.project, name)
            runs.append(TrackedRun(tracker, dict(_flat(settings))))
        yield runs
        seconds = END
    finally:
        latest = time.monotonic() + seconds
        for run in runs:
            run.close()
        for run in runs:
            run.wait(latest - time.monotonic())


def _read(path: Path) -> dict[str, Any]:
    """Return the state of a run; that of a new one where the file is missing or damaged."""
    state: dict[str, Any] = {"run": None, "entry": 0, "picture": 0}
    with suppress(OSError, ValueError, RecursionError, KeyError, TypeError):
        found = json.loads(path.read_text())
        numbers = all(type(found[kind]) is int for kind in ("entry", "picture"))
        if isinstance(found["run"], str) and numbers:
            state = {key: found[key] for key in state}
    return state


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the settings of nested sections by names such as ``training.steps``."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            number = isinstance(value, bool | int | float | str | None)
            yield f"{prefix}{key}", value if number else json.dumps(value)
