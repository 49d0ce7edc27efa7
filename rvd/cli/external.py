"""Test clips for other programs, and scores of what they made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from rvd.cli.options import DEFAULT_CONFIG, Config, Dataset, Threads, Videos, entry, use_threads
from rvd.errors import UserError
from rvd.experiment.loading import load_experiment

verbs = typer.Typer()


@verbs.command()
def export_clips(
    dataset: Dataset,
    videos: Videos,
    output: Annotated[Path, typer.Option(help="folder to write")],
    films: Annotated[
        bool, typer.Option("--films", help="write each clip as a lossless film, too")
    ] = False,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Write the test clips, for a program that forecasts them elsewhere."""
    from rvd.evaluation.ensembles.export import export_clips
    from rvd.video import VideoFile

    experiment = load_experiment(config)
    entry(experiment, "datasets", dataset)
    with VideoFile(videos) as file:
        expected = export_clips(experiment, file, dataset, output, films)
    print(f"{output}: the forecasts to score by `kind: stored` are {expected}")


@verbs.command()
def compare(
    real: Annotated[Path, typer.Argument(help="real videos: an array, or a folder of films")],
    fake: Annotated[
        Path, typer.Argument(help="as many generated or forecast videos, or members of each")
    ],
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            help="weights of a network, <network>.safetensors, all in one folder; may be repeated "
            "(default: those in data/weights)"
        ),
    ] = None,
    lpips_network: Annotated[str, typer.Option(help="alex or vgg")] = "alex",
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    threads: Threads = None,
) -> None:
    """Print FVD, LPIPS, PSNR, SSIM and CRPS of two sets of videos."""
    networks: dict[str, Literal["alex", "vgg"]] = {"alex": "alex", "vgg": "vgg"}
    if lpips_network not in networks:
        raise UserError(f"--lpips-network: '{lpips_network}' is neither alex nor vgg")
    folders = sorted({path.parent for path in weights or [Path("data/weights/i3d.safetensors")]})
    if len(folders) > 1:
        listed = ", ".join(map(str, folders))
        raise UserError(f"--weights: lie in different folders ({listed})")
    use_threads(threads)

    from rvd.evaluation.comparison import as_json, as_lines, compare

    scores = compare(real, fake, folders[0], networks[lpips_network])
    print(as_json(scores) if json else as_lines(scores))
