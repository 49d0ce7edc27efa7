"""How much was tried: what ``make test-faults`` prints at its end."""

from __future__ import annotations

import os
from collections import Counter

# The whole suite, or the short one that is part of `make test`.
WHOLE = os.environ.get("RVD_TEST_FAULTS") == "whole"

kills: Counter[str] = Counter()
faults: list[str] = []
inputs: Counter[str] = Counter()


def lines() -> list[str]:
    """The figures, in words; none when nothing was tried."""
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
