"""Summary printed at the end of ``make test-faults``."""

from __future__ import annotations

import os
from collections import Counter

# The whole suite, or the short one in `make test`.
WHOLE = os.environ.get("RVD_TEST_FAULTS") == "whole"

kills: Counter[str] = Counter()
faults: list[str] = []
inputs: Counter[str] = Counter()


def lines() -> list[str]:
    """Return the summary as lines of text; empty if nothing was run."""
    found = []
    if kills:
        by = ", ".join(f"{name} {count}" for name, count in sorted(kills.items()))
        found.append(f"{kills.total()} kills ({by})")
    if faults:
        found.append(f"{len(faults)} faults ({', '.join(faults)})")
    if inputs:
        by = ", ".join(f"{name} {count:,}" for name, count in sorted(inputs.items()))
        found.append(f"{inputs.total():,} fuzz inputs ({by})")
    return found
