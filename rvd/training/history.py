"""The history of a training: its starts, interruptions, failures and resumptions."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rvd.errors import UserError
from rvd.runtime.appending import AppendedFile
from rvd.runtime.signals import Interrupted

FILE = "history.jsonl"


class History:
    """``folder/history.jsonl``: one line of JSON per event, only ever appended to.

    An attempt that was killed has no last event, by which it is recognised.

    Args:
        folder: Folder of the training.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._file = AppendedFile(self.path)

    def note(self, event: str, **values: Any) -> None:
        """Append an event, with the time in UTC; where that fails, with the next event."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        line = json.dumps({"event": event, "time": now, **values})
        # On a line of its own, where a kill has truncated the one before.
        self._file.add(f"\n{line}\n".encode() if _is_truncated(self.path) else f"{line}\n".encode())

    def damaged(self, checkpoint: Path, fault: str) -> None:
        """Append that a damaged checkpoint was skipped."""
        self.note("damaged", checkpoint=checkpoint.name, fault=fault)

    @contextmanager
    def attempt(self, step: int, **values: Any) -> Iterator[None]:
        """Append the start of an attempt from ``step``, and its end after the block."""
        self.note("began", step=step, **values)
        try:
            yield
        except (Interrupted, KeyboardInterrupt) as stopped:
            self.note("stopped", reason=str(stopped))
            raise
        except Exception as error:
            words = str(error) if isinstance(error, UserError) else repr(error)
            self.note("failed", reason=words)
            raise
        self.note("finished")


def read_history(folder: Path) -> list[dict[str, Any]]:
    """Return the events of a training in order; none if it has no history."""
    path, events = folder / FILE, []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        with suppress(ValueError, RecursionError):
            event = json.loads(line)
            if isinstance(event, dict) and isinstance(event.get("event"), str):
                events.append(event)
    return events


@dataclass(frozen=True)
class HistorySummary:
    """Numbers of resumptions, of the reasons for them, and of skipped checkpoints.

    An attempt counts as ``killed`` when another followed although it has no last event.
    """

    resumed: int = 0
    stopped: int = 0
    failed: int = 0
    killed: int = 0
    damaged: int = 0

    def __str__(self) -> str:
        """Return ``resumed 3 times (1 stopped, 2 killed), 1 damaged checkpoint skipped``."""
        ends = {"stopped": self.stopped, "failed": self.failed, "killed": self.killed}
        why = ", ".join(f"{count} {name}" for name, count in ends.items() if count)
        times = "once" if self.resumed == 1 else f"{self.resumed} times"
        parts = [f"resumed {times}" + (f" ({why})" if why else "")]
        if self.damaged:
            s = "" if self.damaged == 1 else "s"
            parts.append(f"{self.damaged} damaged checkpoint{s} skipped")
        return ", ".join(parts) if self.resumed or self.damaged else "not interrupted"


def summarise(events: list[dict[str, Any]]) -> HistorySummary:
    """Summarise all attempts but the last, which may still be running.

    A repeated call after the training had finished only writes its outputs again and does not
    count.
    """
    counts = {"stopped": 0, "failed": 0, "killed": 0}
    damaged, end = 0, ""
    for event in events:
        kind = event["event"]
        if kind == "damaged":
            damaged += 1
        elif kind == "began":
            if end in counts:
                counts[end] += 1
            end = "killed" if end != "finished" else end
        elif end != "finished":
            end = kind
    return HistorySummary(sum(counts.values()), **counts, damaged=damaged)


def _is_truncated(path: Path) -> bool:
    if not path.is_file():
        return False
    with suppress(OSError), path.open("rb") as file:
        size = file.seek(0, 2)
        if size:
            file.seek(size - 1)
        return file.read(1) not in (b"", b"\n")
    return False
