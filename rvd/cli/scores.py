"""Forecasts → scores and tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rvd.cli.options import DEFAULT_CONFIG, Config, Output, Threads
from rvd.errors import UserError
from rvd.experiment.loading import load_experiment
from rvd.workflow.captions import budget
from rvd.workflow.layout import MAPS, TABLES, ShownResults
from rvd.workflow.plan import Plan

if TYPE_CHECKING:  # pandas takes a while
    from rvd.evaluation.tables.tables import Wanted

verbs = typer.Typer()


@verbs.command()
def fetch_weights(
    network: Annotated[str, typer.Argument(help="i3d, lpips-alex or lpips-vgg")],
    output: Output,
    file: Annotated[
        Path | None,
        typer.Option(help="the published file, if it is here already: nothing is downloaded"),
    ] = None,
) -> None:
    """Fetch the published weights of a network that scores, and check them."""
    from rvd.metrics import registry

    registry.fetch_weights(network, output, file)


@verbs.command()
def score(
    samples: Annotated[Path, typer.Argument(help="an ensemble file")],
    output: Output,
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            help="weights of a network, <network>.safetensors, all in one folder; may be repeated "
            "(default: evaluation.weights of the config)"
        ),
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="folder where I3D's features are kept for the next time")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    threads: Threads = None,
) -> None:
    """Score forecasts."""
    from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
    from rvd.evaluation.scores.scoring import score
    from rvd.evaluation.scores.settings import settings_for
    from rvd.metrics import registry
    from rvd.runtime import device

    experiment = load_experiment(config)
    if registry.weights_needed(experiment.evaluation):
        device.require_gpu(experiment.compute, "score")
    device.apply(experiment.compute, threads)
    folders = {path.parent for path in weights or []}
    if len(folders) > 1:
        raise UserError(f"--weights: lie in different folders ({_listed(folders)})")
    with EnsembleFile(samples) as file:
        settings = settings_for(experiment, file, features)
        for folder in folders:
            settings = replace(settings, weights=folder)
        score(file, settings, output)


@verbs.command()
def tabulate(
    table: Annotated[str, typer.Option(help=" or ".join(TABLES))],
    output: Output,
    scores: Annotated[
        list[Path] | None,
        typer.Argument(help="scores files (default: those of the config's run for the table)"),
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Compare the scores of all models with the paper's, as CSV, Markdown and LaTeX."""
    from rvd.evaluation.tables.tables import tabulate

    if table not in TABLES:
        raise UserError(f"--table: '{table}' is neither {' nor '.join(TABLES)}")
    plan = Plan(load_experiment(config))
    wanted = wanted_cells(plan, table)
    given = scores or [Path(path) for path in plan.scores(table)]
    # Its name was checked above.
    tabulate(given, table, wanted, output, budget(plan.experiment))  # type: ignore[arg-type]


@verbs.command()
def paired_test(
    output: Output,
    maps: Annotated[
        list[Path] | None,
        typer.Argument(help="maps files (default: those of the config's run)"),
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Compare the CRPS of all pairs of models on the same clips, as CSV."""
    from rvd.evaluation.tables.paired import write_paired_tests

    plan = Plan(load_experiment(config))
    write_paired_tests(maps or [Path(path) for path in plan.results(MAPS)], output)


def wanted_cells(plan: Plan, table: str) -> Wanted:
    """Return the cells that the run of ``plan`` is to fill in ``table``."""
    from rvd.evaluation.tables.tables import Wanted

    run, models = plan.experiment.run, plan.tabulated(table)
    seeds_of = {model: plan.seeds(model) for model in models}
    return Wanted(run.datasets, models, run.seeds, seeds_of, plan.excluded())


@verbs.command()
def summary(results: Annotated[Path, typer.Argument(help="a folder of results")]) -> None:
    """Print the tables, and the path of the gallery."""
    from rvd.evaluation.tables.terminal import format_table

    shown = ShownResults(str(results))
    for table in map(Path, shown.tables()):
        print(f"\n{table}\n\n{format_table(table)}")
    print(f"\nGallery: {Path(shown.gallery).absolute()}")


def _listed(folders: set[Path]) -> str:
    return ", ".join(sorted(map(str, folders)))
