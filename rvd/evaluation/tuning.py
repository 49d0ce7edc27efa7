"""Choice of a model's sampler by CRPS and cost on validation videos, never on test videos."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml

from rvd.config.sampler import AnySamplerConfig
from rvd.errors import UserError
from rvd.files import atomic_write
from rvd.forecasting.clips import forecast_clips, read_clips
from rvd.metrics.functional.crps import crps
from rvd.models.base import VideoPredictor
from rvd.runtime.device import best_device
from rvd.runtime.progress import progress
from rvd.video.clips import fixed_clips
from rvd.video.file import VideoFile
from rvd.video.ranges import stored_to_unit

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
    """A sampler, its evaluations per frame, its CRPS in grey levels, and the seconds of all."""

    sampler: AnySamplerConfig
    evaluations: int
    crps: float
    seconds: float


def try_samplers(
    model: VideoPredictor,
    videos: VideoFile,
    task: TuningTask,
    samplers: Sequence[AnySamplerConfig],
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
    config: Any = model.config
    # Progress counts evaluations, because samplers take very different times.
    total = sum(config.evaluations(sampler) for sampler in samplers)
    with progress(total, "tune the sampler", "evaluation") as bar:
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
            score = float(crps(members, truth).mean())
            yield Trial(sampler, config.evaluations(sampler), score, seconds)
            bar.update(config.evaluations(sampler))


def choose(trials: Sequence[Trial], most_steps: int) -> Trial:
    """Return the cheapest trial whose CRPS is within 2 % of the best affordable one.

    Args:
        trials: Trials of all samplers.
        most_steps: Largest affordable number of evaluations per frame.
    """
    affordable = [trial for trial in trials if trial.evaluations <= most_steps]
    best = min(trial.crps for trial in affordable)
    good = [trial for trial in affordable if trial.crps <= (1 + TOLERANCE) * best]
    return min(good, key=lambda trial: (trial.evaluations, trial.crps))


def write_choice(path: Path, model: str, dataset: str, chosen: Trial) -> None:
    """Write the sampler of a model on a dataset, as a config to merge over the experiment's."""
    # With null keys, because it is merged over the sampler of the model's section.
    on = {dataset: {"sampler": chosen.sampler.model_dump(mode="json")}}
    text = yaml.safe_dump({"models": {model: {"on": on}}}, sort_keys=False)
    note = f"# chosen on validation videos: CRPS {chosen.crps:.3f} in {chosen.seconds:.1f} s\n"
    with atomic_write(path) as partial:
        partial.write_text(note + text)


def write_costs(path: Path, trials: Sequence[Trial]) -> None:
    """Write CRPS and cost as CSV, one row per trial."""
    table = pd.DataFrame(
        [
            {
                "sampler": trial.sampler.name,
                "steps": trial.evaluations,
                **trial.sampler.details(),
                "crps": trial.crps,
                "seconds": trial.seconds,
            }
            for trial in trials
        ]
    )
    with atomic_write(path) as partial:
        table.to_csv(partial, index=False)
