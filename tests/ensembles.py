"""Tiny results of an imaginary run: ensemble files, scores and curves in their real formats.

A bright disc moves in a circle; the ensemble of a model is the truth with noise, which grows with
the frame and is larger for a worse model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rvd.evaluation.ensembles.ensemble_file import EnsembleInfo, EnsembleWriter
from rvd.metrics.base import EnsembleShape
from rvd.video.file import VideoInfo

# Noise that each model adds to the truth at the last frame, in grey levels of 255.
NOISE = {"rvd": 10.0, "vd": 14.0, "ivrnn": 18.0, "analogue": 24.0, "persistence": 60.0}
DETERMINISTIC = ("persistence", "rvd-mean", "retro-gan", "future-gan")
# Channels, type and sign of each dataset's frames.
FRAMES = {
    "kth": (1, np.uint8, False),
    "bair": (3, np.uint8, False),
    "simulation": (1, np.float32, True),
    "cityscapes": (3, np.uint8, False),
}


@dataclass(frozen=True)
class Results:
    """Paths of the files of a run."""

    samples: list[Path]
    scores: list[Path]
    curves: list[Path]


def write_results(
    root: Path,
    datasets: Sequence[str] = ("simulation",),
    models: Sequence[str] = tuple(NOISE),
    seeds: Sequence[int] = (0,),
    size: int = 16,
    clips: int = 2,
    ensemble: int = 3,
    horizon: int = 6,
) -> Results:
    """Write the files of sampling, scoring and training that the figures read, under ``root``."""
    found = Results([], [], [])
    for dataset in datasets:
        for model in models:
            for seed in seeds:
                folder = root / dataset / model / f"seed{seed}"
                shape = EnsembleShape(clips, ensemble, 4, horizon, (size, size, FRAMES[dataset][0]))
                write_samples(folder / "samples.h5", dataset, model, seed, shape)
                write_scores(folder / "scores.csv", dataset, model, seed, shape)
                found.samples.append(folder / "samples.h5")
                found.scores.append(folder / "scores.csv")
                if model not in ("persistence", "analogue"):
                    write_curve(folder / "curve.csv", model, seed)
                    found.curves.append(folder / "curve.csv")
    return found


def disc(size: int, frames: int, phase: float, channels: int, signed: bool) -> np.ndarray:
    """Return a disc that moves in a circle, (frame, size, size, channel) in [0, 1].

    With ``signed`` its negative moves opposite to it.
    """
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    angles = phase + 2 * np.pi * np.arange(frames) / 12
    blob = np.stack(
        [
            np.exp(-((x - 0.25 * np.cos(a)) ** 2 + (y - 0.25 * np.sin(a)) ** 2) / 0.012)
            for a in angles
        ]
    )
    video = 0.5 + 0.45 * (blob - blob[:, ::-1, ::-1]) if signed else 0.15 + 0.8 * blob
    tint = np.array([1.0, 0.8, 0.6])[:channels]
    return (video[..., None] * tint).astype(np.float32)


def write_samples(path: Path, dataset: str, model: str, seed: int, shape: EnsembleShape) -> None:
    """Write one ensemble file by the real writer."""
    channels, dtype, signed = FRAMES[dataset]
    span = (-0.02, 0.02) if signed else (0.0, 255.0)
    unit = "1/tick" if signed else "grey level"
    video = VideoInfo("test", "CC0", 10.0, *span, unit, signed)
    rng = np.random.default_rng([seed, *model.encode(), *dataset.encode()])
    info = EnsembleInfo(dataset, model, seed, video)
    places = [(f"test-{clip}", 3 * clip) for clip in range(shape.clips)]
    with EnsembleWriter(path, info, shape, dtype, places) as writer:
        for clip in range(shape.clips):
            frames = disc(shape.frame[0], shape.context + shape.horizon, clip, channels, signed)
            context, truth = np.split(frames, [shape.context])
            growth = np.linspace(0.2, 1, shape.horizon)[:, None, None, None]
            noise = NOISE.get(model, 20.0) / 255 * growth
            members = truth + noise * rng.standard_normal((shape.ensemble, *truth.shape))
            if model in DETERMINISTIC:
                members = np.repeat(members[:1], shape.ensemble, axis=0)
            stored = [_stored(part, dtype) for part in (context, truth, members)]
            writer.write(
                clip,
                context=stored[0],
                truth=stored[1],
                samples=stored[2],
                seconds=0.1,
            )
        writer.finish()


def _stored(frames: np.ndarray, dtype: type) -> np.ndarray:
    clipped = np.clip(frames, 0, 1)
    return (255 * clipped).round().astype(np.uint8) if dtype is np.uint8 else clipped.astype(dtype)


def write_scores(path: Path, dataset: str, model: str, seed: int, shape: EnsembleShape) -> None:
    """Write scores that get worse with the model's noise and with the frame."""
    noise = NOISE.get(model, 20.0) * (1 + 0.03 * seed)
    rows = []
    for frame in range(1, shape.horizon + 1):
        crps = 0.3 * noise * (0.2 + 0.8 * frame / shape.horizon)
        values = {"crps": crps, "psnr": 40 - crps, "psnr_best": 41 - crps}
        values |= {"ssim": 1 - crps / 50, "ssim_best": 1 - crps / 60}
        rows += [
            {"metric": metric, "frame": frame, "value": value} for metric, value in values.items()
        ]
    table = pd.DataFrame(rows)
    whole = table.groupby("metric", sort=False)["value"].mean().reset_index()
    table = pd.concat([whole.assign(frame=np.nan), table])
    table = table.assign(
        dataset=dataset,
        model=model,
        seed=seed,
        videos=shape.clips,
        ensemble=shape.ensemble,
        protocol=f"{shape.context} context and {shape.horizon} future frames",
    )
    columns = ["dataset", "model", "seed", "metric", "frame", "value", "videos", "ensemble"]
    path.parent.mkdir(parents=True, exist_ok=True)
    table[[*columns, "protocol"]].astype({"frame": "Int64"}).to_csv(path, index=False)


def write_curve(path: Path, model: str = "rvd", seed: int = 0, steps: int = 400) -> None:
    """Write a curve of a falling, noisy loss, with a validation CRPS at a few steps only."""
    rng = np.random.default_rng([seed, *model.encode()])
    level = NOISE.get(model, 20.0) / 10
    step = np.arange(10, steps + 1, 10)
    curve = pd.DataFrame(
        {
            "step": step,
            "loss": level * (0.05 + np.exp(-step / 80)) * rng.lognormal(0, 0.15, len(step)),
            "learning_rate": 2e-3 * np.minimum(1, step / 30),
            "gradient_norm": rng.lognormal(0, 0.3, len(step)),
            "steps_per_second": 2.5,
            "validation_crps": np.where(
                step % 100 == 0, level * 3 + 20 * np.exp(-step / 100), np.nan
            ),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    curve.to_csv(path, index=False)
