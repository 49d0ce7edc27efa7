"""What became of a training: when it began, was stopped, failed, and was taken up again."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rvd.errors import UserError
from rvd.files import reported
from rvd.runtime.interruption import Interrupted

FILE = "history.jsonl"


class History:
    """``folder/history.jsonl``: a line of JSON for each event, only ever added to.

    An attempt that was killed leaves no last word; that it has none is how one knows.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def note(self, event: str, **values: Any) -> None:
        """Add an event, with the time of the clock.

        Raises:
            UserError: the file cannot be written.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        line = json.dumps({"event": event, "time": now, **values})
        with reported(self.path), self.path.open("a") as file:
            # A line that was cut short does not spoil this one.
            file.write(f"\n{line}\n" if _cut_short(self.path) else f"{line}\n")

    def damaged(self, checkpoint: Path, fault: str) -> None:
        """A checkpoint was passed over."""
        self.note("damaged", checkpoint=checkpoint.name, fault=fault)

    @contextmanager
    def attempt(self, step: int, **values: Any) -> Iterator[None]:
        """Within the block the training goes on from ``step``; how it ends is noted."""
        self.note("began", step=step, **values)
        try:
            yield
        except (Interrupted, KeyboardInterrupt) as stopped:
            self._last_word("stopped", str(stopped))
            raise
        except Exception as error:
            self._last_word("failed", str(error) if isinstance(error, UserError) else repr(error))
            raise
        self.note("finished")

    def _last_word(self, event: str, reason: str) -> None:
        """Note how it ended, unless that fails: what ended it is to be told, not that."""
        with suppress(UserError):
            self.note(event, reason=reason)


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The events of a training, in order; none if it has no history."""
    path, events = folder / FILE, []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        with suppress(json.JSONDecodeError):
            event = json.loads(line)
            if isinstance(event, dict) and isinstance(event.get("event"), str):
                events.append(event)
    return events


@dataclass(frozen=True)
class Account:
    """How often a training was taken up again, and why it had ended before.

    An attempt counts as ``killed`` when another followed it though it had no last word.
    """

    taken_up: int = 0
    stopped: int = 0
    failed: int = 0
    killed: int = 0
    damaged: int = 0

    def __str__(self) -> str:
        """As ``taken up 3× (1 stopped, 2 killed), 1 damaged checkpoint passed over``."""
        ends = {"stopped": self.stopped, "failed": self.failed, "killed": self.killed}
        why = ", ".join(f"{count} {name}" for name, count in ends.items() if count)
        parts = [f"taken up {self.taken_up}×" + (f" ({why})" if why else "")]
        if self.damaged:
            s = "" if self.damaged == 1 else "s"
            parts.append(f"{self.damaged} damaged checkpoint{s} passed over")
        return ", ".join(parts) if self.taken_up or self.damaged else "in one go"


def account_of(events: list[dict[str, Any]]) -> Account:
    """The account of ``events``: of all attempts but the last, which may still be at work.

    A repeated call after the training had finished only writes its outputs again: it is no attempt.
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
    return Account(sum(counts.values()), **counts, damaged=damaged)


def _cut_short(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size:
            file.seek(size - 1)
        return file.read(1) not in (b"", b"\n")
