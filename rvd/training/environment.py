"""The software and threads of a training, on which the last bits of its weights depend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from rvd.files import software


def environment() -> dict[str, Any]:
    """Return the versions of the software, by name, and torch's number of threads."""
    return {"software": software(), "threads": torch.get_num_threads()}


def environment_changes(before: Mapping[str, Any]) -> Iterator[str]:
    """Yield ``torch was 2.5.0, now 2.6.0`` for each value of :func:`environment` that differs now.

    Args:
        before: Earlier values; those that are missing, as in checkpoints of earlier versions, count
            as equal.
    """
    now, recorded = environment(), before.get("software")
    for name, value in now["software"].items():
        if isinstance(recorded, Mapping) and str(recorded.get(name, value)) != value:
            yield f"{name} was {recorded[name]}, now {value}"
    threads = before.get("threads")
    if isinstance(threads, int) and threads != now["threads"]:
        yield f"threads were {threads}, now {now['threads']}"
