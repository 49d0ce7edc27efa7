"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from rvd.errors import UserError
from rvd.experiment.experiment import ExperimentConfig

Config = Annotated[
    list[Path],
    typer.Option(
        "--config", help="YAML file; may be repeated, and later files override earlier ones"
    ),
]
Dataset = Annotated[str, typer.Option(help="name of a dataset in the config")]
Model = Annotated[str, typer.Option(help="name of a model in the config")]
Seed = Annotated[int, typer.Option(help="seed of the training")]
Videos = Annotated[Path, typer.Option(help="the dataset's video file")]
Output = Annotated[Path, typer.Option(help="file to write")]
Threads = Annotated[int | None, typer.Option(help="CPU threads (default: as torch decides)")]

DEFAULT_CONFIG = [Path("config/config.yaml")]


def entry(experiment: ExperimentConfig, kind: str, name: str) -> Any:
    """Return the section of one of the config's ``datasets`` or ``models``.

    Raises:
        UserError: There is none of that name.
    """
    known = getattr(experiment, kind)
    if name not in known:
        raise UserError(f"{kind}: '{name}' does not exist; there are {', '.join(sorted(known))}")
    return known[name]


def use_threads(threads: int | None) -> None:
    """Set the number of threads of torch; None leaves it as it is."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


@contextmanager
def from_extra(extra: str) -> Iterator[None]:
    """Import what an extra of the package installs.

    Raises:
        UserError: It is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("rvd", "lbm"):
            raise
        raise UserError(
            f"the package {package} is not installed; pip install 'rvd[{extra}]'"
        ) from None
