"""Options that several verbs share, and what is done with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rvd.errors import UserError
from rvd.experiment.experiment import ExperimentConfig

Config = Annotated[
    list[Path],
    typer.Option("--config", help="YAML file; several are laid over each other, in order"),
]
Dataset = Annotated[str, typer.Option(help="name of a dataset in the config")]
Model = Annotated[str, typer.Option(help="name of a model in the config")]
Seed = Annotated[int, typer.Option(help="seed of the training")]
Videos = Annotated[Path, typer.Option(help="the dataset's video file")]
Output = Annotated[Path, typer.Option(help="file to write")]
Threads = Annotated[int | None, typer.Option(help="CPU threads to use (default: as torch decides)")]

DEFAULT_CONFIG = [Path("config/config.yaml")]


def entry(experiment: ExperimentConfig, kind: str, name: str) -> Any:
    """What the config says of one of its ``datasets`` or ``models``.

    Raises:
        UserError: there is none of that name.
    """
    known = getattr(experiment, kind)
    if name not in known:
        raise UserError(f"{kind}: '{name}' does not exist; there are {', '.join(sorted(known))}")
    return known[name]


def use_threads(threads: int | None) -> None:
    """Have torch compute with so many threads, if a number is given."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
