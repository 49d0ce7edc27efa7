"""Forecasts of the test videos, by any model, written to an ensemble file."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rvd.config.model import ModelConfig
from rvd.errors import UserError
from rvd.evaluation.ensembles.clip_choice import chosen_clips, read_context
from rvd.evaluation.ensembles.ensemble_file import (
    EnsembleFile,
    EnsembleInfo,
    EnsembleShape,
    EnsembleWriter,
)
from rvd.experiment.experiment import ExperimentConfig
from rvd.files import software
from rvd.forecasting.clips import forecast_clips, read_clips
from rvd.models.base import VideoPredictor
from rvd.models.entry import ForecastSource, ForecastTask
from rvd.models.files import content_digest
from rvd.models.noise import derived_seed
from rvd.models.registry import MODELS
from rvd.runtime.device import device_for
from rvd.runtime.locks import exclusive
from rvd.runtime.memory import enough_memory
from rvd.runtime.progress import progress
from rvd.video.file import Frames, VideoFile

MORE_MEMORY = "set a smaller evaluation.batch or evaluation.ensemble"


def forecaster(
    experiment: ExperimentConfig,
    model: str,
    videos: VideoFile,
    predictor: Path | None,
    *,
    dataset: str,
    stored: Path | None = None,
) -> VideoPredictor:
    """Return a model of the config, ready to forecast.

    Args:
        experiment: The config.
        model: Name of the model in the config.
        videos: Open video file, whose training split the analogue forecast searches.
        predictor: File of the trained model; None for a model that is not trained.
        dataset: Name of the dataset in the config, for the model's settings on it.
        stored: Forecasts that were made elsewhere; None takes those that the config names.

    Raises:
        UserError: The model is trained and there is no ``predictor``, or it does not fit the data.
    """
    config = experiment.model(model, dataset)

    def task() -> ForecastTask:
        return ForecastTask(
            dataset,
            read_context(experiment, videos, dataset),
            experiment.evaluation.ensemble,
            experiment.datasets[dataset].horizon,
        )

    def section_of(name: str) -> ModelConfig:
        return experiment.model(name, dataset)

    source = ForecastSource(model, predictor, videos, section_of, task, stored)
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
    """Forecast every test clip and write an ensemble file (``docs/data-format.md``).

    An interrupted call is resumed. A clip's randomness follows from the seeds and its number, so
    that interruptions do not change the forecasts, and the batch size only by rounding. While
    another process samples to ``output``, this one waits, and then continues from what that left.

    Args:
        predictor: Model from :func:`forecaster`.
        videos: Open video file.
        experiment: The config, for context, horizon, ensemble, clips and seed of the evaluation.
        dataset: Name of the dataset in the config.
        model: Name of the model in the config.
        seed: Seed of the model's training.
        output: Path of the ensemble file.
        weights: File that ``predictor`` was read from. A call that was interrupted with other
            weights, another revision or other videos is not resumed.

    Raises:
        UserError: No test video is long enough, a forecast is not finite, the disk is full, or
            memory is not sufficient.
    """
    with exclusive(output.parent, f".{output.name}.lock", "sampler") as waited:
        made_by = _made_by(experiment, videos, weights, predictor.digest)
        info = _info(experiment, videos, dataset, model, seed)
        if waited and _is_complete(output, info, made_by):
            return
        with enough_memory("a forecast", MORE_MEMORY):
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
    clips = chosen_clips(experiment, videos, dataset)
    # A model without weights keeps to the CPU, since its job reserves no GPU.
    has_weights = next(predictor.parameters(), None) is not None
    device = device_for(experiment.compute) if has_weights else torch.device("cpu")
    predictor = predictor.to(device).eval()
    shape = EnsembleShape(
        len(clips), settings.ensemble, settings.context, horizon, videos.frame_shape
    )
    info = _info(experiment, videos, dataset, model, seed)
    places = [(clip.video, clip.start) for clip in clips]
    with EnsembleWriter(output, info, shape, split.frames.dtype, places, made_by) as writer:
        name = f"sample {dataset}/{model}"
        with progress(len(clips), name, "clip", sum(writer.done)) as bar:
            first, at_once = 0, settings.first_batch(on_gpu=device.type == "cuda")
            while first < len(clips):
                batch = range(first, min(first + at_once, len(clips)))
                if all(writer.done[index] for index in batch):
                    first = batch.stop
                    continue
                start = time.monotonic()
                length = settings.context + horizon
                frames = read_clips(split, [clips[index] for index in batch], length)
                known = torch.from_numpy(frames[:, : settings.context])
                seeds = [derived_seed(settings.seed, seed, index) for index in batch]
                try:
                    forecast = forecast_clips(
                        predictor.for_clips(batch),
                        known,
                        horizon,
                        settings.ensemble,
                        seeds,
                        device,
                        precision=settings.precision,
                    )
                except torch.OutOfMemoryError:
                    if settings.batch != "auto" or len(batch) == 1:
                        raise
                    at_once = len(batch) // 2
                    continue
                seconds = (time.monotonic() - start) / len(batch)
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
                first = batch.stop
        writer.finish()


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


def _made_by(
    experiment: ExperimentConfig, videos: VideoFile, weights: Path | None, stored: str
) -> str:
    """Return digests of what forecasts depend on besides model and evaluation, as JSON."""
    digests = {"revision": experiment.revision, "videos": videos.fingerprint()}
    if weights is not None:
        digests["predictor"] = content_digest(weights)
    if stored:
        digests["stored"] = stored
    return json.dumps(digests)


def _is_complete(output: Path, info: EnsembleInfo, made_by: str) -> bool:
    """Return whether another process has written these very forecasts to ``output``."""
    try:
        with EnsembleFile(output) as file:
            return file.info == info and file.attributes.get("made_by") == made_by
    except UserError:
        return False


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
