"""Command lines of the workflow's rules."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

# Inputs of the rules that show results, which are options of their verbs.
SHOWN = ("samples", "scores", "curves", "tables")


def repeated(option: str, values: Iterable[object]) -> str:
    """Return ``option`` once for each of ``values``, quoted for the shell.

    An option of a verb takes one value, whereas an input of a rule may be many files.
    """
    return " ".join(f"{option} {shlex.quote(str(value))}" for value in values)


def shown_files(wildcards: Any, input: Mapping[str, Iterable[object]]) -> str:
    """Return the inputs of a rule that shows results, as the options of its verb.

    A param of the rule. Snakemake, which passes the arguments by name, does not count a param that
    is derived from inputs among those that rerun a rule: the inputs themselves do that.
    """
    return " ".join(repeated(f"--{kind}", input[kind]) for kind in SHOWN)
