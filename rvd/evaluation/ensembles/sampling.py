"""Forecasts of the test videos, by any model, into an ensemble file."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rvd.errors import UserError
from rvd.evaluation.ensembles.ensemble_file import EnsembleInfo, EnsembleShape, EnsembleWriter
from rvd.experiment.evaluation import EvaluationConfig
from rvd.experiment.experiment import ExperimentConfig
from rvd.files import software
from rvd.models.base import VideoPredictor
from rvd.models.entry import ForecastSource
from rvd.models.files import content_digest
from rvd.models.noise import seeded_noise
from rvd.models.registry import MODELS
from rvd.runtime.device import device_for
from rvd.runtime.interruption import exclusive
from rvd.runtime.memory import enough_memory
from rvd.runtime.progress import progress
from rvd.video.clips import FixedClip, authors_clips, fixed_clips, read_clip, stored_to_unit
from rvd.video.file import Frames, Split, VideoFile

MORE_MEMORY = "set a smaller evaluation.batch or evaluation.ensemble"


def forecaster(
    experiment: ExperimentConfig,
    model: str,
    videos: VideoFile,
    predictor: Path | None,
    *,
    dataset: str,
) -> VideoPredictor:
    """The named model, ready to forecast.

    Args:
        experiment: the config.
        model: a name of its ``models``.
        videos: an open video file, whose training split the analogue forecast searches.
        predictor: the trained model's file; None for one that is not trained.
        dataset: a name of its ``datasets``, for the model's settings on it.

    Raises:
        UserError: a trained model is asked for and there is no ``predictor``, or it is unfit.
    """
    config = experiment.model(model, dataset)
    source = ForecastSource(model, predictor, videos, lambda name: experiment.model(name, dataset))
    return MODELS[config.kind].open(config, source)


def sample(
    predictor: VideoPredictor,
    videos: VideoFile,
    experiment: ExperimentConfig,
    *,
    dataset: str,
    model: str,
    seed: int,
    output: Path,
    weights: Path | None = None,
) -> None:
    """Forecast every test clip and write ``output`` (``docs/data-format.md``, ensemble file).

    An interrupted call goes on where it stopped. A clip's randomness follows from the seeds and its
    number, so that interruptions change nothing of it, and batch size nothing but rounding.

    Args:
        predictor: from :func:`forecaster`.
        videos: an open video file.
        experiment: the config, for context, horizon, ensemble, clips and seed of the evaluation.
        dataset: its name in the config.
        model: its name in the config.
        seed: that it was trained with.
        output: the ensemble file.
        weights: the file that ``predictor`` was read from; a call that was interrupted under other
            weights, another revision or other videos is not continued.

    Raises:
        UserError: no test video is long enough, a forecast is not finite, another sampler is at
            work on ``output``, the disk is full, or memory is not enough.
    """
    with exclusive(output.parent, f".{output.name}.lock", "sampler"):
        made_by = _made_by(experiment, videos, weights)
        _sample(predictor, videos, experiment, dataset, model, seed, output, made_by)


def _sample(
    predictor: VideoPredictor,
    videos: VideoFile,
    experiment: ExperimentConfig,
    dataset: str,
    model: str,
    seed: int,
    output: Path,
    made_by: str,
) -> None:
    settings, horizon = experiment.evaluation, experiment.datasets[dataset].horizon
    split = videos.splits["test"]
    clips = _chosen_clips(split, experiment, dataset)
    if not clips:
        raise UserError(f"{videos.path}: no test video has {settings.context} + {horizon} frames")
    device = device_for(experiment.compute)
    predictor = predictor.to(device).eval()
    shape = EnsembleShape(
        len(clips), settings.ensemble, settings.context, horizon, videos.frame_shape
    )
    info = _info(experiment, videos, dataset, model, seed)
    places = [(clip.video, clip.start) for clip in clips]
    with EnsembleWriter(output, info, shape, split.frames.dtype, places, made_by) as writer:
        name = f"sample {dataset}/{model}"
        with progress(len(clips), name, "clip", sum(writer.done)) as bar:
            for first in range(0, len(clips), settings.batch):
                batch = range(first, min(first + settings.batch, len(clips)))
                if all(writer.done[index] for index in batch):
                    continue
                began = time.monotonic()
                frames = [
                    read_clip(split, clips[index].position, settings.context + horizon)
                    for index in batch
                ]
                seeds = [_clip_seed(settings.seed, seed, index) for index in batch]
                with enough_memory("a forecast", MORE_MEMORY):
                    forecast = _forecast(predictor, frames, settings, seeds, device)
                seconds = (time.monotonic() - began) / len(batch)
                for row, index in enumerate(batch):
                    if not writer.done[index]:
                        _write(
                            writer,
                            index,
                            frames[row],
                            settings.context,
                            forecast[row],
                            seconds,
                        )
                        bar.update()
        writer.finish()


def _chosen_clips(split: Split, experiment: ExperimentConfig, dataset: str) -> list[FixedClip]:
    """The clips that every model is tested on, as ``evaluation.clips_from`` says."""
    settings, described = experiment.evaluation, experiment.datasets[dataset]
    length = settings.context + described.horizon
    if settings.clips_from == "authors":
        consecutive = described.consecutive_items
        return authors_clips(split, length, settings.clips, consecutive=consecutive)
    return fixed_clips(split, length, settings.clips)


def _forecast(
    predictor: VideoPredictor,
    clips: list[Frames],
    settings: EvaluationConfig,
    seeds: Sequence[int],
    device: torch.device,
) -> Tensor:
    """(clip, member, future frame, channel, height, width) in [0, 1], on the CPU."""
    frames = torch.from_numpy(np.stack(clips))
    given = stored_to_unit(frames[:, : settings.context]).to(device)
    horizon = frames.shape[1] - settings.context
    forecast = predictor.predict(given, horizon, settings.ensemble, seeded_noise(seeds, device))
    if not torch.isfinite(forecast).all():
        raise UserError("a forecast is not finite; was the model's training sound?")
    return forecast.cpu()


def _write(
    writer: EnsembleWriter,
    index: int,
    frames: Frames,
    context: int,
    forecast: Tensor,
    seconds: float,
) -> None:
    stored = np.moveaxis(frames, 1, -1)
    samples = np.moveaxis(forecast.numpy(), 2, -1)
    if stored.dtype == np.uint8:
        samples = (samples * 255).round().astype(np.uint8)
    writer.write(
        index,
        context=stored[:context],
        truth=stored[context:],
        samples=samples,
        seconds=seconds,
    )


def _made_by(experiment: ExperimentConfig, videos: VideoFile, weights: Path | None) -> str:
    """Digests of what forecasts depend on besides the config of model and evaluation, as JSON."""
    digests = {"revision": experiment.revision, "videos": videos.fingerprint()}
    if weights is not None:
        digests["predictor"] = content_digest(weights)
    return json.dumps(digests)


def _clip_seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)


def _info(
    experiment: ExperimentConfig, videos: VideoFile, dataset: str, model: str, seed: int
) -> EnsembleInfo:
    config = {
        "model": experiment.model(model, dataset).model_dump(mode="json"),
        "evaluation": experiment.evaluation.recorded(),
    }
    return EnsembleInfo(
        dataset=dataset,
        model=model,
        seed=seed,
        video=videos.info,
        config=json.dumps(config),
        software=json.dumps(software()),
    )
