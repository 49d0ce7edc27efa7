"""Video files → predictor files."""

from __future__ import annotations

import sys
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
)
from rvd.errors import UserError
from rvd.experiment.loading import load_experiment

verbs = typer.Typer()


@verbs.command()
def train(
    dataset: Dataset,
    model: Model,
    seed: Seed,
    videos: Videos,
    checkpoints: Annotated[Path, typer.Option(help="folder of the state to resume from")],
    output: Output,
    curve: Annotated[Path, typer.Option(help="CSV of the training's losses")],
    config: Config = DEFAULT_CONFIG,
    threads: Threads = None,
    processes: Annotated[
        int,
        typer.Option(min=1, help="processes that train together, each on a GPU, through torchrun"),
    ] = 1,
) -> None:
    """Train a model, from its last checkpoint if there is one."""
    from rvd.runtime import device
    from rvd.runtime.launch import launched, relaunch

    experiment = load_experiment(config)
    device.require_gpus(experiment.compute)
    if processes > 1:
        threads = max(1, threads // processes) if threads else None
        if not launched():
            relaunch(processes, threads, sys.argv[1:])

    import torch

    from rvd.models.registry import build
    from rvd.training import TrainingTask, train
    from rvd.video import VideoFile

    device.apply(experiment.compute, threads)
    entry(experiment, "models", model)
    described = entry(experiment, "datasets", dataset)
    section: Any = experiment.model(model, dataset)
    settings = getattr(section, "training", None)
    if settings is None:
        raise UserError(f"models.{model}: a model of kind '{section.kind}' is not trained")
    with VideoFile(videos) as file:
        size, _, channels = file.frame_shape
        fingerprint = file.fingerprint()
    if problem := section.why_not_size(size):
        raise UserError(f"models.{model}.{problem} (of {videos})")
    stamp = {"dataset": dataset, "videos": fingerprint, "revision": experiment.revision}
    task = TrainingTask(
        name=f"{dataset}/{model}",
        video=videos,
        augmentation=described.augmentation,
        seed=seed,
        stamp=stamp | {"augmentation": described.augmentation},
        checkpoints=checkpoints,
        output=output,
        curve=curve,
        tracking=experiment.tracking,
    )
    device.warn_of_slow_precision(settings.precision)
    torch.manual_seed(seed)
    predictor = build(section, size, channels)
    device.prepare(predictor, experiment.compute)
    for module in predictor.compiled_in_training:
        device.compiled(module, experiment.compute, model)
    train(
        predictor,
        settings,
        task,
        gpu=experiment.compute.gpus > 0,
        graphed=device.compile_mode(experiment.compute, model) == "cuda-graph",
    )
