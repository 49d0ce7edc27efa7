"""Stages ``correctness`` and ``tests``: each model trains, forecasts and is scored."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.gpu.host_noise import HostNoise
from benchmarks.gpu.rows import Case, Row
from benchmarks.gpu.session import VARIANTS, Session, Variant, clips, reset, training_steps
from rvd.config.trained import TrainedModelConfig
from rvd.forecasting.clips import forecast_clips
from rvd.metrics.functional.crps import crps
from rvd.training.steps import TrainingSteps

ROOT = Path(__file__).parents[2]
BATCH = 2
HORIZON, MEMBERS = 2, 2
# Steps in which libraries choose algorithms, and compilers and optimisers set up their state.
WARM_UP = 4
# Steps whose losses are compared with those of the CPU, and their largest relative difference.
COMPARED, DIFFERENCE = 5, 1e-3


def stage(session: Session) -> Iterator[Row]:
    """Yield, per model, its agreement with the CPU, then one row per variant."""
    sections = session.sections(session.small)
    for name, section in sections.items():
        yield from session.row(lambda s=section: _as_on_cpu(session, s), model=name, check="CPU")
    for variant, how in VARIANTS.items():
        if not (session.on_gpu or how.on_cpus):
            continue
        for name, section in sections.items():
            if how.compile != "cuda-graph" or section.kind in ("rvd", "svg-lp"):
                yield from session.row(
                    lambda s=section, v=how: _works(session, s, v), model=name, check=variant
                )


def tests(session: Session) -> Iterator[Row]:
    """Yield the result of the tests that need a GPU."""
    yield from session.row(lambda: _tested(session), check="tests")


def _case(section: TrainedModelConfig) -> Case:
    """Return the smallest frames that the model takes, with one channel."""
    return Case("small", min(section.training.batch), 1, BATCH)


def _works(session: Session, section: TrainedModelConfig, variant: Variant) -> Row:
    """Train ``session.steps`` steps without waiting for the device, then forecast and score."""
    case = _case(section)
    steps = training_steps(section, case, variant, session.device)
    steps.done = section.training.steps // 2  # FutureGAN is grown, and learning rates are high
    batch = section.stage(steps.done, case.size).batch
    video = clips(section, case, batch, session.device)
    losses = [_loss(steps, video) for _ in range(WARM_UP)]
    with _no_waiting(session):
        losses += [_loss(steps, video) for _ in range(session.steps)]
    values = torch.stack(losses).cpu()
    return {
        "finite": bool(values.isfinite().all()),
        "first loss": round(float(values[0]), 4),
        "last loss": round(float(values[-1]), 4),
        "crps": round(_score(steps, video, variant, session.device), 4),
    }


def _score(steps: TrainingSteps, video: Tensor, variant: Variant, where: str) -> float:
    """Return the mean CRPS of a forecast of the clips that the model was trained on."""
    model, seen = steps.predictor.eval(), steps.settings.context
    context, future = video[:BATCH, :seen].cpu(), video[:BATCH, seen:].cpu().numpy()
    horizon = min(HORIZON, future.shape[1])
    forecast = forecast_clips(
        model,
        context,
        horizon,
        MEMBERS,
        list(range(len(context))),
        torch.device(where),
        precision=variant.precision,
        **model.preview_options(),
    ).numpy()
    pairs = zip(forecast, future[:, :horizon], strict=True)
    return float(np.mean([crps(members, truth).mean() for members, truth in pairs]))


def _as_on_cpu(session: Session, section: TrainedModelConfig) -> Row:
    """Compare the losses of the first steps with those of the CPU, in float32 without TF32."""
    curves = [_curve(section, where) for where in dict.fromkeys(("cpu", session.device))]
    pairs = zip(curves[0], curves[-1], strict=True)
    difference = max(abs(one - other) / max(abs(one), 1e-12) for one, other in pairs)
    return {"relative difference": float(f"{difference:.1e}"), "agrees": difference < DIFFERENCE}


def _curve(section: TrainedModelConfig, where: str) -> list[float]:
    """Return the losses of the first steps, with noise that is equal on all devices."""
    reset(where)
    case = _case(section)
    steps = training_steps(section, case, Variant(tf32=False), where)
    video = clips(section, case, section.stage(0, case.size).batch, where)
    with HostNoise():
        losses = [_loss(steps, video) for _ in range(COMPARED)]
    return torch.stack(losses).tolist()


def _loss(steps: TrainingSteps, video: Tensor) -> Tensor:
    """Take a step; return the sum of its players' losses, a tensor on the device."""
    found = steps.take(video)
    return torch.stack(
        [v.detach() for k, v in found.items() if k.endswith("loss") and isinstance(v, Tensor)]
    ).sum()


@contextmanager
def _no_waiting(session: Session) -> Iterator[None]:
    """Raise an error where the host waits for the GPU."""
    if not session.on_gpu:
        yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def _tested(session: Session) -> Row:
    command = [sys.executable, "-m", "pytest", "-q", "tests/training/test_on_a_gpu.py"]
    run = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=max(session.left(), 1),
    )
    return {"passed": run.returncode == 0, "said": run.stdout.strip().splitlines()[-1:]}
