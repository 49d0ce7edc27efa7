"""The software, threads and precision of a training, on which its weights depend."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch
from accelerate import PartialState

from rvd.config.training import TrainingConfig
from rvd.files import software
from rvd.runtime.device import bfloat16_in_hardware, warn_of_slow_precision
from rvd.training.alone import in_any_process


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


def precision_of(
    settings: TrainingConfig,
    name: str,
    stamp: Mapping[str, Any] | None,
    processes: PartialState,
) -> Literal["float32", "bfloat16"]:
    """Return the precision of a training, and print the choice where the config says ``auto``.

    A resumed training keeps the precision of its checkpoint, so that its weights have one
    precision wherever it continues. A new one takes bfloat16 if the devices of all its processes
    have it in hardware.

    Args:
        settings: Settings of the training.
        name: Name of the training for messages.
        stamp: Stamp of its newest checkpoint; None without one.
        processes: Processes that train together, all of which call this function.
    """
    if settings.precision != "auto":
        return settings.precision
    device = processes.device
    recorded = _recorded(stamp)
    if recorded is None:
        emulated = in_any_process(processes, not bfloat16_in_hardware(device))
        precision: Literal["float32", "bfloat16"] = "float32" if emulated else "bfloat16"
        lacks = "does not compute" if emulated else "computes"
        reason = f"this {_kind(device.type)} {lacks} bfloat16 in hardware"
    else:
        precision, reason = recorded, "the precision of the checkpoint that is resumed"
    if processes.is_main_process:
        print(f"{name}: precision: auto is {precision} ({reason})", file=sys.stderr)
        warn_of_slow_precision(precision, device)
    return precision


def _recorded(stamp: Mapping[str, Any] | None) -> Literal["float32", "bfloat16"] | None:
    """Return the precision in a checkpoint's stamp; None without a checkpoint."""
    if stamp is None:
        return None
    found = stamp.get("model", {}).get("training", {}).get("precision")
    return "bfloat16" if found == "bfloat16" else "float32"


def _kind(device: str) -> str:
    return "GPU" if device == "cuda" else "processor"
