"""Choice of RVD's sampler by CRPS and cost on validation videos, never on test videos."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml

from rvd.diffusion.config import SamplerConfig
from rvd.errors import UserError
from rvd.files import atomic_write
from rvd.forecasting.clips import forecast_clips, read_clips
from rvd.metrics.functional.crps import crps
from rvd.models.rvd.model import ResidualVideoDiffusion
from rvd.runtime.device import best_device
from rvd.runtime.progress import progress
from rvd.video.clips import fixed_clips
from rvd.video.file import VideoFile
from rvd.video.ranges import stored_to_unit

STEPS = (2, 3, 5, 8, 12, 20, 32)
CLAMP_BOUNDS = (1.0, 2.0)

# The relative gain in CRPS below which the cheaper sampler is preferred.
TOLERANCE = 0.02


@dataclass(frozen=True)
class TuningTask:
    """The forecasts by which samplers are compared.

    Attributes:
        context: Number of known frames.
        horizon: Number of frames to forecast.
        ensemble: Number of forecasts per clip.
        clips: Number of validation clips.
        seed: Seed of the forecasts.
        precision: Arithmetic of the forecasts, as ``evaluation.precision``.
    """

    context: int
    horizon: int
    ensemble: int
    clips: int
    seed: int
    precision: str = "float32"


@dataclass(frozen=True)
class Trial:
    """A sampler, its CRPS in grey levels, and the seconds of all its forecasts."""

    sampler: SamplerConfig
    crps: float
    seconds: float


def candidates(
    diffusion_steps: int, most_steps: int, numbers: Sequence[int] = STEPS
) -> Iterator[SamplerConfig]:
    """Yield the samplers to compare, from the cheapest to ancestral sampling over all steps.

    Args:
        diffusion_steps: Number of diffusion steps N.
        most_steps: Largest number of sampling steps.
        numbers: Numbers of sampling steps to try.
    """
    for steps in numbers:
        if steps <= min(most_steps, diffusion_steps):
            for clip in CLAMP_BOUNDS:
                yield SamplerConfig(method="ddim", steps=steps, eta=1.0, clip=clip)
                yield SamplerConfig(method="ddim", steps=steps, eta=0.0, clip=clip)
                yield SamplerConfig(method="dpm-solver", steps=steps, clip=clip)
    yield SamplerConfig(method="ancestral", clip=CLAMP_BOUNDS[-1])


def try_samplers(
    model: ResidualVideoDiffusion,
    videos: VideoFile,
    task: TuningTask,
    samplers: Sequence[SamplerConfig],
    device: torch.device | None = None,
) -> Iterator[Trial]:
    """Forecast the same validation clips by each sampler, with the same seeds.

    Args:
        model: Trained model.
        videos: Open video file.
        task: Number and length of the forecasts.
        samplers: Samplers to compare.
        device: Device that computes; None takes the GPU if there is one.

    Yields:
        One trial per sampler, as soon as it is complete.

    Raises:
        UserError: No validation video is long enough.
    """
    split = videos.splits["val"]
    length = task.context + task.horizon
    clips = fixed_clips(split, length, task.clips)
    if not clips:
        raise UserError(f"{videos.path}: no validation video has {length} frames")
    device = device or best_device()
    model = model.to(device).eval()
    stored = torch.from_numpy(read_clips(split, clips, length))
    truth = 255 * stored_to_unit(stored[:, task.context :]).numpy()
    seeds = [task.seed + index for index in range(len(clips))]
    every = model.config.diffusion_steps
    # Progress counts steps, because samplers take very different times.
    total = sum(sampler.steps or every for sampler in samplers)
    with progress(total, "tune the sampler", "step") as bar:
        for sampler in samplers:
            start = time.monotonic()
            forecast = forecast_clips(
                model,
                stored[:, : task.context],
                task.horizon,
                task.ensemble,
                seeds,
                device,
                precision=task.precision,
                check_finite=False,
                sampler=sampler,
            )
            seconds = time.monotonic() - start
            members = 255 * np.moveaxis(forecast.numpy(), 1, 0)
            yield Trial(sampler, float(crps(members, truth).mean()), seconds)
            bar.update(sampler.steps or every)


def choose(trials: Sequence[Trial], diffusion_steps: int, most_steps: int) -> Trial:
    """Return the trial with the fewest steps whose CRPS is within 2 % of the best affordable one.

    Args:
        trials: Trials of all samplers.
        diffusion_steps: Number of diffusion steps N, which ancestral sampling takes.
        most_steps: Largest affordable number of sampling steps.
    """
    affordable = [t for t in trials if (t.sampler.steps or diffusion_steps) <= most_steps]
    best = min(trial.crps for trial in affordable)
    good = [trial for trial in affordable if trial.crps <= (1 + TOLERANCE) * best]
    return min(good, key=lambda trial: (trial.sampler.steps or diffusion_steps, trial.crps))


def write_choice(path: Path, model: str, dataset: str, chosen: Trial) -> None:
    """Write the sampler of a model on a dataset, as a config to merge over the experiment's."""
    # With null keys, because it is merged over the sampler of the model's section.
    on = {dataset: {"sampler": chosen.sampler.model_dump(mode="json")}}
    text = yaml.safe_dump({"models": {model: {"on": on}}}, sort_keys=False)
    note = f"# chosen on validation videos: CRPS {chosen.crps:.3f} in {chosen.seconds:.1f} s\n"
    with atomic_write(path) as partial:
        partial.write_text(note + text)


def write_costs(path: Path, trials: Sequence[Trial], diffusion_steps: int) -> None:
    """Write CRPS and cost as CSV, one row per trial."""
    table = pd.DataFrame(
        {
            "sampler": [trial.sampler.method for trial in trials],
            "eta": [trial.sampler.eta for trial in trials],
            "steps": [trial.sampler.steps or diffusion_steps for trial in trials],
            "clip": [trial.sampler.clip for trial in trials],
            "crps": [trial.crps for trial in trials],
            "seconds": [trial.seconds for trial in trials],
        }
    )
    with atomic_write(path) as partial:
        table.to_csv(partial, index=False)
