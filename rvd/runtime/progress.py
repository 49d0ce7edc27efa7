"""Progress of long work: a bar on a terminal, lines at intervals in a log."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 15.0


class Lines:
    """A stream that writes each state of a progress bar as a line, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        """Write ``text`` without carriage returns, as a line."""
        if text := text.replace("\r", "").strip():
            self.stream.write(text + "\n")

    def flush(self) -> None:
        """Flush the underlying stream."""
        self.stream.flush()


def progress(
    total: int,
    description: str,
    unit: str,
    initial: int = 0,
    *,
    scale: bool = False,
    shown: bool = True,
) -> tqdm[Any]:
    """Return a progress bar on standard error, with rate and remaining time.

    Args:
        total: Number of units.
        description: Text before the bar.
        unit: Name of the unit, in the singular.
        initial: Number of units that are done already.
        scale: Write numbers with k, M and G (bytes).
        shown: False for all but one of several processes.
    """
    shared: dict[str, Any] = {
        "total": total,
        "desc": description,
        "unit": f" {unit}",
        "initial": initial,
        "unit_scale": scale,
        "unit_divisor": 1000,
        "disable": not shown,
    }
    if sys.stderr.isatty():
        return tqdm(**shared, dynamic_ncols=True)
    layout = "{desc}: {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
    return tqdm(
        **shared,
        file=Lines(sys.stderr),
        mininterval=SECONDS_BETWEEN_LINES,
        miniters=1,
        bar_format=layout,
    )
