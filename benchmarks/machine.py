"""Time and memory on the CPU and on a GPU."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import torch


def described(device: str) -> str:
    """Return a description of the device and torch."""
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    return f"on {name}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def now(device: str) -> float:
    """Return the time in seconds, after the device has finished all work."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def memory(device: str) -> float:
    """Return the memory in use, in MB."""
    if device == "cuda":
        return torch.cuda.memory_allocated() / 1e6
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def peak_memory(device: str) -> float:
    """Return the peak of the memory in use, in MB."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
