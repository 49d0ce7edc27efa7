"""Mappings laid over each other."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any


def merge(base: Any, change: Any) -> Any:
    """``change`` laid over ``base``: mappings merge, all else is replaced (as Snakemake does)."""
    if not (isinstance(base, Mapping) and isinstance(change, Mapping)):
        return copy.deepcopy(change)
    merged = {key: copy.deepcopy(value) for key, value in base.items()}
    for key, value in change.items():
        merged[key] = merge(merged[key], value) if key in merged else copy.deepcopy(value)
    return merged
