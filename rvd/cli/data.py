"""Raw files → video files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rvd.cli.options import DEFAULT_CONFIG, Config, Dataset, Output, entry
from rvd.errors import UserError
from rvd.experiment.loading import load_experiment

verbs = typer.Typer()


@verbs.command()
def fetch(
    archive: Annotated[str, typer.Argument(help="name of one of the dataset's files")],
    dataset: Dataset,
    output: Annotated[
        Path,
        typer.Option(
            help="record of its checksum, <folder>/<archive>.sha256; the archive lies next to it"
        ),
    ],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Download one of a dataset's files, or check the one that is there."""
    from rvd.datasets.download.fetch import fetch
    from rvd.datasets.download.transfer import UnavailableError

    described = entry(load_experiment(config), "datasets", dataset)
    files = described.download.files if hasattr(described, "download") else {}
    if archive not in files:
        raise UserError(f"datasets.{dataset}.download.files: there is no '{archive}'")
    if output.name != f"{archive}.sha256":
        raise UserError(f"--output: '{output.name}' is not {archive}.sha256")
    try:
        fetch(archive, described.download, output)
    except UnavailableError as error:
        raise UserError(
            f"{error}; or leave '{dataset}' out of run.datasets, or run `snakemake partial` for "
            "the tables and figures of the rest"
        ) from None


@verbs.command()
def convert(
    raw: Annotated[list[Path], typer.Argument(help="the dataset's raw files")],
    dataset: Dataset,
    output: Output,
    config: Config = DEFAULT_CONFIG,
    threads: Annotated[
        int | None, typer.Option(help="videos decoded at once (default: one per core)")
    ] = None,
) -> None:
    """Convert a dataset's raw files to a video file."""
    from rvd.datasets.convert import convert

    described = entry(load_experiment(config), "datasets", dataset)
    convert(dataset, described, raw, output, threads)


@verbs.command()
def inspect(
    videos: Annotated[Path, typer.Argument(help="a video file")],
    output: Annotated[
        Path | None, typer.Option(help="contact sheet (default: the video file's name with .png)")
    ] = None,
) -> None:
    """Print the content of a video file, and draw a contact sheet of it."""
    from rvd.datasets.inspection import inspect

    sheet = output or videos.with_suffix(".png")
    print(inspect(videos, sheet))
    print(f"contact sheet: {sheet}")
