"""Predictor files → forecasts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rvd.cli.options import (
    DEFAULT_CONFIG,
    Config,
    Dataset,
    Model,
    Output,
    Seed,
    Threads,
    Videos,
    entry,
    use_threads,
)
from rvd.datasets.folder.config import Crop
from rvd.errors import UserError
from rvd.experiment.evaluation import Precision
from rvd.experiment.loading import load_experiment

verbs = typer.Typer()


@verbs.command()
def sample(
    dataset: Dataset,
    model: Model,
    seed: Seed,
    videos: Videos,
    output: Output,
    predictor: Annotated[
        Path | None, typer.Option(help="the trained model; omit it for a model without weights")
    ] = None,
    stored: Annotated[
        Path | None,
        typer.Option(
            help="forecasts made elsewhere, for a model of kind stored (default: its path in the "
            "config)"
        ),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    threads: Threads = None,
) -> None:
    """Forecast every test video."""
    from rvd.evaluation.ensembles.sampling import forecaster, sample
    from rvd.runtime import device
    from rvd.video import VideoFile

    experiment = load_experiment(config)
    if predictor is not None:
        device.require_gpu(experiment.compute, "forecast")
    device.apply(experiment.compute, threads)
    device.warn_of_slow_precision(experiment.evaluation.precision)
    entry(experiment, "datasets", dataset)
    entry(experiment, "models", model)
    with VideoFile(videos) as file:
        forecasting = forecaster(experiment, model, file, predictor, dataset=dataset, stored=stored)
        device.prepare(forecasting, experiment.compute)
        for module in forecasting.inner:
            device.compiled(module, experiment.compute, model)
        sample(
            forecasting,
            file,
            experiment,
            dataset=dataset,
            model=model,
            seed=seed,
            output=output,
            weights=predictor,
        )


@verbs.command()
def predict(
    video: Annotated[Path, typer.Argument(help="a video, a GIF or a folder of images")],
    predictor: Annotated[Path, typer.Option(help="the trained model")],
    output: Annotated[Path, typer.Option(help=".gif or .mp4 to watch, .h5 for data")],
    horizon: Annotated[int, typer.Option(min=1, help="frames to forecast")] = 16,
    ensemble: Annotated[int, typer.Option(min=1, help="futures to sample")] = 4,
    context: Annotated[
        int, typer.Option(min=1, help="number of last frames given to the model")
    ] = 4,
    seed: Annotated[int, typer.Option(min=0, help="seed of the futures")] = 0,
    stride: Annotated[int, typer.Option(min=1, help="take every n-th frame")] = 1,
    at: Annotated[
        float | None,
        typer.Option(min=0, help="moment to forecast from, in seconds (default: the end)"),
    ] = None,
    frame: Annotated[
        int | None,
        typer.Option(min=0, help="frame to forecast from, counted from 0 (default: the end)"),
    ] = None,
    drop_last_group: Annotated[
        bool,
        typer.Option(help="take a film that is cut short, without its last group of frames"),
    ] = False,
    whole_frame: Annotated[
        bool, typer.Option(help="stretch the whole frame to a square instead of cropping")
    ] = False,
    frame_rate: Annotated[
        float, typer.Option(min=0.1, help="frames per second of the written video")
    ] = 8.0,
    config: Annotated[
        list[Path] | None,
        typer.Option(
            "--config",
            help="YAML file whose compute and evaluation.precision are used; may be repeated",
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Forecast a video of your own."""
    from rvd.forecasting.forecasting import forecast
    from rvd.forecasting.reading import read_video
    from rvd.forecasting.writing import check_format, write_forecast
    from rvd.models.files import load
    from rvd.runtime import device

    check_format(output)
    if at is not None and frame is not None:
        raise UserError("--at and --frame: only one moment can be given")
    precision: Precision = "float32"
    if config:
        experiment = load_experiment(config)
        device.require_gpu(experiment.compute, "forecast")
        device.apply(experiment.compute, threads)
        precision = experiment.evaluation.precision
    else:
        use_threads(threads)
    model = load(predictor)
    if config:
        device.prepare(model, experiment.compute)
        for module in model.inner:
            device.compiled(module, experiment.compute)
    crop: Crop = "none" if whole_frame else "center"
    frames = read_video(
        video,
        model.size,
        model.channels,
        crop,
        stride,
        last=context,
        frame=frame,
        at=at,
        cut_films="drop" if drop_last_group else "refuse",
        threads=threads,
    )
    samples = forecast(model, frames, horizon, ensemble, seed, context=context, precision=precision)
    write_forecast(output, frames[-context:], samples, frame_rate)
    print(f"{output}: {ensemble} futures of {horizon} frames")


@verbs.command()
def tune_sampler(
    dataset: Dataset,
    model: Model,
    videos: Videos,
    predictor: Annotated[Path, typer.Option(help="the trained model")],
    output: Annotated[
        Path, typer.Option(help="YAML file with the chosen sampler, to pass as a further --config")
    ],
    costs: Annotated[Path, typer.Option(help="CSV of CRPS against cost")],
    most_steps: Annotated[
        int, typer.Option(min=1, help="largest number of steps of the chosen sampler")
    ] = 32,
    clips: Annotated[int, typer.Option(min=1, help="validation clips")] = 4,
    steps: Annotated[
        list[int] | None, typer.Option(min=1, help="a number of steps to try; may be repeated")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    threads: Threads = None,
) -> None:
    """Choose the sampler of a model (steps and clip, or the noise) on validation videos."""
    from rvd.evaluation import tuning
    from rvd.models.files import load
    from rvd.runtime import device
    from rvd.video import VideoFile

    experiment = load_experiment(config)
    device.require_gpu(experiment.compute, "compare samplers")
    device.apply(experiment.compute, threads)
    entry(experiment, "models", model)
    horizon = entry(experiment, "datasets", dataset).horizon
    section = experiment.model(model, dataset)
    trained = load(predictor, section if hasattr(section, "training") else None)
    trained_section: Any = trained.config
    samplers = trained_section.sampler_candidates(most_steps, steps)
    if not samplers:
        raise UserError(f"models.{model}: a model of kind '{section.kind}' has no sampler")
    protocol = experiment.evaluation
    task = tuning.TuningTask(
        protocol.context, horizon, protocol.ensemble, clips, protocol.seed, protocol.precision
    )
    device.prepare(trained, experiment.compute)
    for module in trained.inner:
        device.compiled(module, experiment.compute, model)
    trials = []
    with VideoFile(videos) as file:
        used = device.device_for(experiment.compute)
        for trial in tuning.try_samplers(trained, file, task, samplers, used):
            trials.append(trial)
            tuning.write_costs(costs, trials)
    chosen = tuning.choose(trials, most_steps)
    tuning.write_choice(output, model, dataset, chosen)
    print(output.read_text(), end="")
