"""Forecasts → scores and tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rvd.cli.options import DEFAULT_CONFIG, Config, Output, Threads, use_threads
from rvd.errors import UserError
from rvd.experiment.loading import load_experiment
from rvd.workflow.plan import Plan

if TYPE_CHECKING:  # pandas takes a while
    from rvd.evaluation.tables.tables import Wanted

verbs = typer.Typer()


@verbs.command()
def fetch_weights(
    network: Annotated[str, typer.Argument(help="i3d, lpips-alex or lpips-vgg")],
    output: Output,
    file: Annotated[
        Path | None, typer.Option(help="the published file, if at hand: nothing is downloaded")
    ] = None,
) -> None:
    """Fetch the published weights of a network that scores, and check them."""
    from rvd.metrics import registry

    registry.fetch_weights(network, output, file)


@verbs.command()
def score(
    samples: Annotated[Path, typer.Argument(help="an ensemble file")],
    output: Output,
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

    use_threads(threads)
    experiment = load_experiment(config)
    with EnsembleFile(samples) as file:
        score(file, settings_for(experiment, file, features), output)


@verbs.command()
def tabulate(
    table: Annotated[str, typer.Option(help="table1 or ablation")],
    output: Output,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Set the scores of all models beside the paper's, as CSV, Markdown and LaTeX."""
    from rvd.evaluation.tables.tables import tabulate

    if table not in ("table1", "ablation"):
        raise UserError(f"--table: '{table}' is neither table1 nor ablation")
    plan = Plan(load_experiment(config))
    wanted = wanted_cells(plan, table)
    scores = [Path(path) for path in plan.scores(table)]
    # Its name was checked above.
    tabulate(scores, table, wanted, output, plan.budget())  # type: ignore[arg-type]


def wanted_cells(plan: Plan, table: str) -> Wanted:
    """The cells that the run of ``plan`` is to fill in ``table``."""
    from rvd.evaluation.tables.tables import Wanted

    run, models = plan.experiment.run, plan.tabulated(table)
    seeds_of = {model: plan.seeds(model) for model in models}
    return Wanted(run.datasets, models, run.seeds, seeds_of, plan.excluded())


@verbs.command()
def summary(results: Annotated[Path, typer.Argument(help="a folder of results")]) -> None:
    """Print the tables, and where the gallery is."""
    from rvd.evaluation.tables.terminal import format_table

    for name in ("table1", "ablation"):
        print(f"\n{results / name}.csv\n\n{format_table(results / f'{name}.csv')}")
    print(f"\nGallery: {(results / 'gallery.html').absolute()}")
