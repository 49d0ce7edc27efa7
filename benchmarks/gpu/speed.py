"""Stages ``training``, ``denoising``, ``models`` and ``profile``: times on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.frame_by_frame import FrameByFrame
from benchmarks.gpu.predictions import (
    DENOISING,
    DENOISING_TO_REACH,
    TRAINING,
    TRAINING_TO_REACH,
    compared,
    hours,
)
from benchmarks.gpu.rows import Case, Row, finished
from benchmarks.gpu.session import VARIANTS, Session, Variant, clips, training_steps
from benchmarks.machine import now, peak_memory
from rvd.config.trained import TrainedModelConfig
from rvd.models.noise import seeded_noise
from rvd.models.registry import build
from rvd.runtime import device

REFERENCE = "frame by frame, float32 (TF32)"
# Steps before those that are timed: compilers, CUDA graphs and choices of algorithms.
WARM_UP = {"cpu": 1, "cuda": 6}
ROWS = {"cpu": (2,), "cuda": (16, 128)}
# Operations of the profile that are listed.
LISTED = 15


def training(session: Session) -> Iterator[Row]:
    """Yield one row per size and variant of RVD's whole training step, with Adam and average."""
    section = _rvd(session)
    for case in session.cases:
        yield from session.row(
            lambda c=case: _reference(session, section, c), **_key(case, REFERENCE)
        )
        for name, variant in _variants(session):
            yield from session.row(
                lambda c=case, n=name, v=variant: _step(session, section, c, n, v),
                **_key(case, name),
            )


def denoising(session: Session) -> Iterator[Row]:
    """Yield one row per size, variant and number of rows of a denoising step within a forecast."""
    section = session.sections(session.large)["rvd"]
    for rows in ROWS[session.device]:
        for case in session.cases:
            for name, variant in _variants(session):
                if variant.compile != "cuda-graph":  # of training steps
                    yield from session.row(
                        lambda c=case, n=name, v=variant, r=rows: _forecast(
                            session, section, c, n, v, r
                        ),
                        **_key(case, name),
                        rows=str(rows),
                    )


def models(session: Session) -> Iterator[Row]:
    """Yield one row per model, size and variant, with the hours of its training."""
    wanted = ("float32 (TF32)", "bfloat16, compiled")
    chosen = {name: variant for name, variant in _variants(session) if name in wanted}
    for case in session.cases:
        for model, section in session.sections(session.large).items():
            if case.size in section.training.batch:
                for name, variant in chosen.items():
                    yield from session.row(
                        lambda c=case, m=model, s=section, n=name, v=variant: _hours(
                            session, m, s, c, n, v
                        ),
                        **_key(case, name),
                        model=model,
                    )


def profile(session: Session) -> Iterator[Row]:
    """Yield, per size, the operations on which the fastest training step spends most time."""
    name, variant = list(_variants(session))[-1]
    for case in session.cases:
        yield from session.row(
            lambda c=case: _profile(session, _rvd(session), c, variant),
            **_key(case, f"profile of {name}"),
        )


def _key(case: Case, variant: str) -> dict[str, str]:
    return {"frames": case.name, "variant": variant}


def _variants(session: Session) -> Iterator[tuple[str, Variant]]:
    """Yield the variants that the device can compute in the time of a session."""
    for name, variant in VARIANTS.items():
        if session.on_gpu or variant.on_cpus:
            yield name, variant


def _rvd(session: Session) -> Any:
    """Return the section of RVD with the objective of the reference implementation."""
    config: Any = session.sections(session.large)["rvd"]
    objective = config.objective.model_copy(update={"target": "noise", "mean_loss": 0.0})
    return config.model_copy(update={"objective": objective})


def _times(session: Session, call: Callable[[], object], steps: int) -> list[float]:
    """Return the milliseconds of each call after the warm-up; fewer when the session ends."""
    times = []
    for index in range(steps + WARM_UP[session.device]):
        start = now(session.device)
        call()
        times.append(1000 * (now(session.device) - start))
        if index >= WARM_UP[session.device] and session.left() < 0:
            break
    return times[WARM_UP[session.device] :]


def _summary(times: list[float]) -> Row:
    return {
        "ms": round(median(times), 2),
        "least": round(min(times), 2),
        "most": round(max(times), 2),
    }


def _step(session: Session, section: Any, case: Case, name: str, variant: Variant) -> Row:
    steps = training_steps(section, case, variant, session.device)
    video = clips(section, case, case.batch, session.device)
    times = _times(session, lambda: steps.take(video), session.steps)
    to_reach = TRAINING_TO_REACH.get(case.name) if "compiled" in name else None
    predicted = TRAINING.get((case.name, name))
    return {
        **_summary(times),
        **_speed_up(session, case, median(times)),
        "MB": round(peak_memory(session.device)),
        **compared(median(times), predicted, to_reach),
    }


def _speed_up(session: Session, case: Case, milliseconds: float) -> Row:
    """Return the ratio to the reference implementation, if its row has been written."""
    key = _key(case, REFERENCE).items()
    reference = [row["ms"] for row in finished(session.folder) if key <= row.items()]
    return {"× frame by frame": round(reference[-1] / milliseconds, 2)} if reference else {}


def _reference(session: Session, section: Any, case: Case) -> Row:
    """Measure the frame-by-frame implementation, with the same Adam."""
    device.apply(Variant().compute(session.device))
    torch.manual_seed(0)
    model: Any = build(section, case.size, case.channels).to(session.device)
    network = FrameByFrame(model)
    adam = torch.optim.Adam(model.parameters(), 1e-5, fused=True)
    video = clips(section, case, case.batch, session.device)
    step = torch.randint(section.diffusion_steps, (case.batch,), device=session.device)
    noise = torch.randn_like(video[:, section.training.context :])

    def take() -> None:
        adam.zero_grad(set_to_none=True)
        loss: Tensor = network(video, step, noise)
        loss.backward()
        adam.step()

    times = _times(session, take, session.steps)
    return {**_summary(times), "MB": round(peak_memory(session.device))}


def _forecast(
    session: Session, section: Any, case: Case, name: str, variant: Variant, rows: int
) -> Row:
    """Measure forecasts of one frame by few diffusion steps; return the time per step."""
    compute, where = variant.compute(session.device), torch.device(session.device)
    device.apply(compute)
    torch.manual_seed(0)
    model = build(section, case.size, case.channels).to(where).eval()
    device.prepare(model, compute)
    for module in model.inner:
        device.compiled(module, compute)
    options = model.preview_options()
    steps = getattr(options["sampler"], "steps", None) or section.diffusion_steps
    context = clips(section, case, 1, session.device)[:, : section.training.context]
    noise = seeded_noise([0], where)

    def forecast() -> None:
        with torch.no_grad(), device.autocast(where, variant.precision):
            model.predict(context, 1, rows, noise, **options)

    times = [value / steps for value in _times(session, forecast, min(session.steps, 5))]
    eager = "compiled" not in name and variant.precision == "float32"
    predicted = DENOISING.get((case.name, rows)) if eager else None
    to_reach = DENOISING_TO_REACH.get((case.name, rows)) if "compiled" in name else None
    return {**_summary(times), **compared(median(times), predicted, to_reach)}


def _hours(
    session: Session,
    model: str,
    section: TrainedModelConfig,
    case: Case,
    name: str,
    variant: Variant,
) -> Row:
    """Measure a step of a model at the end of its training; return the hours of all its steps."""
    steps = training_steps(section, case, variant, session.device)
    steps.done = section.training.steps - session.steps - WARM_UP[session.device]
    video = clips(section, case, section.stage(steps.done, case.size).batch, session.device)
    times = _times(session, lambda: steps.take(video), session.steps)
    measured = section.training.steps * median(times) / 3.6e6
    predicted = hours(model, case.size) if variant.precision == "float32" else None
    return {
        **_summary(times),
        "hours": round(measured, 2),
        "MB": round(peak_memory(session.device)),
        **compared(measured, predicted),
    }


def _profile(session: Session, section: Any, case: Case, variant: Variant) -> Row:
    steps = training_steps(section, case, variant, session.device)
    video = clips(section, case, case.batch, session.device)
    for _ in range(WARM_UP[session.device]):
        steps.take(video)
    activities = [torch.profiler.ProfilerActivity.CPU]
    if session.on_gpu:
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as found:
        start = now(session.device)
        for _ in range(3):
            steps.take(video)
        wall = 1000 * (now(session.device) - start) / 3
    kind = "self_device_time_total" if session.on_gpu else "self_cpu_time_total"
    shares = {event.key[:80]: getattr(event, kind) / 3000 for event in found.key_averages()}
    most = sorted(shares.items(), key=lambda item: -item[1])[:LISTED]
    return {
        "ms": round(wall, 2),
        "busy ms": round(sum(shares.values()), 2),
        "operations, ms": {key: round(value, 3) for key, value in most},
    }
