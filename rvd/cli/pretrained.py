"""Checkpoints of models that were trained elsewhere → predictor files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rvd.cli.options import DEFAULT_CONFIG, Config, Dataset, Model, Output, entry
from rvd.errors import UserError
from rvd.experiment.experiment import ExperimentConfig
from rvd.experiment.loading import load_experiment
from rvd.models.pretrained.config import PretrainedConfig

verbs = typer.Typer()


@verbs.command()
def import_official(
    checkpoint: Annotated[Path, typer.Argument(help="a checkpoint of the authors' code")],
    output: Output,
    ema: Annotated[bool, typer.Option("--ema", help="take the averaged weights")] = False,
    size: Annotated[int | None, typer.Option(help="height and width of the frames")] = None,
) -> None:
    """Convert a checkpoint that the authors published to a predictor file."""
    from rvd.models.files import save
    from rvd.models.rvd.official import import_official

    save(import_official(checkpoint, average=ema, size=size), output, {"imported": checkpoint.name})


@verbs.command()
def fetch_pretrained(
    model: Model,
    output: Annotated[
        Path,
        typer.Option(help="record of the checksum, <SHA-256>.sha256; the file lies next to it"),
    ],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Download the checkpoint of a pretrained model, or check the one that exists."""
    from rvd.datasets.download.fetch import fetch

    section = _pretrained(load_experiment(config), model)
    if section.address is None:
        raise UserError(f"models.{model}.address: there is none; its file is {section.path}")
    if output.name != f"{section.sha256}.sha256":
        raise UserError(f"--output: '{output.name}' is not {section.sha256}.sha256")
    fetch(str(section.sha256), section.download(), output)


@verbs.command()
def import_pretrained(
    checkpoint: Annotated[Path, typer.Argument(help="the file of the model")],
    dataset: Dataset,
    model: Model,
    output: Output,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Convert the checkpoint of a pretrained model to a predictor file."""
    from rvd.models.pretrained.importing import import_checkpoint

    experiment = load_experiment(config)
    described = entry(experiment, "datasets", dataset)
    section = _pretrained(experiment, model)
    try:
        import_checkpoint(
            section,
            checkpoint,
            output,
            size=described.size,
            channels=described.channels,
            context=experiment.evaluation.context,
        )
    except UserError as error:
        raise UserError(f"models.{model}: {error} (dataset '{dataset}')") from None


def _pretrained(experiment: ExperimentConfig, model: str) -> PretrainedConfig:
    section = entry(experiment, "models", model)
    if not isinstance(section, PretrainedConfig):
        raise UserError(f"models.{model}.kind: '{section.kind}' is not pretrained")
    return section
