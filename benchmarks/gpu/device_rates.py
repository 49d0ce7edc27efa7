"""Stage ``device``: its name, software and rates, compared with those of the predictions."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from statistics import median

import torch

from benchmarks.gpu.predictions import RATES, compared
from benchmarks.gpu.rows import Row
from benchmarks.gpu.session import Session
from benchmarks.machine import now
from rvd.runtime.device import bfloat16_in_hardware


def stage(session: Session) -> Iterator[Row]:
    """Yield the device's description, then one row per rate."""
    yield from session.row(lambda: _described(session), rate="description")
    side = 8192 if session.on_gpu else 256
    for name, dtype in (("TF32", torch.float32), ("bfloat16", torch.bfloat16)):
        key = f"{name}, TFLOP/s"
        yield from session.row(lambda t=dtype, k=key: _product(session, t, side, k), rate=key)
    yield from session.row(lambda: _copy(session), rate="copy, TB/s")


def _described(session: Session) -> Row:
    found: Row = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "compiler": shutil.which("cc") or "none",
        "triton": find_spec("triton") is not None,
        "bfloat16 in hardware": bfloat16_in_hardware(torch.device(session.device)),
    }
    if not session.on_gpu:
        return found | {"device": platform.processor() or platform.machine()}
    properties = torch.cuda.get_device_properties(0)
    return found | {
        "device": properties.name,
        "GiB": round(properties.total_memory / 2**30, 1),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }


def _product(session: Session, dtype: torch.dtype, side: int, key: str) -> Row:
    torch.backends.cuda.matmul.allow_tf32 = True
    one = torch.rand(side, side, device=session.device, dtype=dtype)
    seconds = _seconds(session, lambda: one @ one)
    rate = 2 * side**3 / seconds / 1e12
    return {"measured": round(rate, 3), **compared(rate, RATES[key])}


def _copy(session: Session) -> Row:
    size = 2**30 if session.on_gpu else 2**22
    source = torch.zeros(size, dtype=torch.uint8, device=session.device)
    target = torch.empty_like(source)
    rate = 2 * size / _seconds(session, lambda: target.copy_(source)) / 1e12
    return {"measured": round(rate, 4), **compared(rate, RATES["copy, TB/s"])}


def _seconds(session: Session, call: Callable[[], object]) -> float:
    """Return the median seconds of ten calls, after two."""
    seconds = []
    for _ in range(12):
        start = now(session.device)
        call()
        seconds.append(now(session.device) - start)
    return median(seconds[2:])
