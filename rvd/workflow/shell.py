"""Command lines of the workflow's rules."""

from __future__ import annotations

import shlex
from collections.abc import Iterable


def repeated(option: str, values: Iterable[object]) -> str:
    """Return ``option`` once for each of ``values``, quoted for the shell.

    An option of a verb takes one value, whereas an input of a rule may be many files.
    """
    return " ".join(f"{option} {shlex.quote(str(value))}" for value in values)
