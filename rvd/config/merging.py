"""Mappings laid over each other."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any


def merge(base: Any, change: Any) -> Any:
    """Return ``change`` laid over ``base``, as Snakemake lays one config file over another.

    Mappings merge key by key; everything else, lists too, is replaced. Neither argument is changed.

    Args:
        base: The values below.
        change: The values that take precedence.
    """
    if not (isinstance(base, Mapping) and isinstance(change, Mapping)):
        return copy.deepcopy(change)
    merged = {key: copy.deepcopy(value) for key, value in base.items()}
    for key, value in change.items():
        merged[key] = merge(merged[key], value) if key in merged else copy.deepcopy(value)
    return merged
