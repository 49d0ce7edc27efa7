"""Figures, the gallery, and the progress of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rvd.cli.inputs import Curves, ResultFiles, Samples, Scores, Tables, given_or_planned
from rvd.cli.options import DEFAULT_CONFIG, Config, Output, from_extra
from rvd.errors import UserError
from rvd.experiment.loading import load_experiment
from rvd.workflow.captions import not_trained_here
from rvd.workflow.layout import TABLES
from rvd.workflow.parameters import result_parameters, shedding_periods, simulation_parameters
from rvd.workflow.plan import Plan

verbs = typer.Typer()


@verbs.command()
def render(
    notebook: Annotated[Path, typer.Argument(help="a notebook of this project")],
    output: Annotated[Path, typer.Option(help="folder for notebook, HTML and figures")],
    samples: Samples = None,
    scores: Scores = None,
    curves: Curves = None,
    tables: Tables = None,
    dataset: Annotated[
        str | None, typer.Option(help="the simulated dataset whose runs the notebook shows")
    ] = None,
    runs: Annotated[
        list[Path] | None,
        typer.Option(help="a run of --dataset; may be repeated (default: all its runs)"),
    ] = None,
    costs: Annotated[
        Path | None, typer.Option(help="the costs that tune-sampler wrote, for their notebook")
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Execute a notebook on the results of an experiment."""
    with from_extra("notebooks"):
        from rvd.workflow.notebooks import render

    plan = Plan(load_experiment(config))
    if dataset is not None:
        if not plan.simulated([dataset] if dataset in plan.experiment.datasets else []):
            raise UserError(f"--dataset: '{dataset}' is not a simulated dataset of the config")
        shown = [str(Path(run).absolute()) for run in runs or plan.raw_files(dataset)]
        parameters = simulation_parameters(plan.experiment, dataset, shown)
    elif costs is not None:
        parameters = {"costs": str(costs.absolute())}
    else:
        files = given_or_planned(plan, samples, scores, curves, tables)
        parameters = result_parameters(plan.experiment, vars(files))
    render(notebook, output, parameters)


@verbs.command()
def gallery(
    output: Output,
    samples: Samples = None,
    scores: Scores = None,
    curves: Curves = None,
    tables: Tables = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Build the page of moving forecasts, scores and curves."""
    plan = Plan(load_experiment(config))
    write_gallery(plan, given_or_planned(plan, samples, scores, curves, tables), output)


def write_gallery(
    plan: Plan, files: ResultFiles, output: Path, missing: list[str] | None = None
) -> None:
    """Build the gallery of an experiment from ``files``.

    Args:
        plan: The experiment.
        files: Results to show.
        output: Path of the page.
        missing: One line for each result that does not exist yet.
    """
    from rvd.evaluation.ensembles.origins import format_origins
    from rvd.evaluation.status import format_histories, progress_of
    from rvd.gallery import Contents, build_gallery
    from rvd.workflow.provenance import provenance

    experiment = plan.experiment
    trainings = [format_histories(progress_of(plan)), *not_trained_here(experiment)]
    contents = Contents(
        samples=files.samples,
        scores=files.scores,
        curves=files.curves,
        tables={TABLES.get(path.stem, path.stem): path for path in files.tables},
        periods=shedding_periods(experiment),
        provenance={
            **provenance(experiment),
            "Forecasts": format_origins(files.samples),
            "Trainings": "\n".join(trainings),
        },
        megabytes=experiment.gallery.megabytes,
        missing=missing or [],
    )
    build_gallery(contents, output)


@verbs.command()
def status(
    config: Config = DEFAULT_CONFIG,
    every: Annotated[
        float | None, typer.Option(min=0.5, help="seconds after which it is printed again")
    ] = None,
) -> None:
    """Show the progress of each model, from the journals and results."""
    import time

    from rvd.evaluation.status import format_progress, progress_of

    plan = Plan(load_experiment(config))
    while True:
        print(format_progress(list(progress_of(plan))), flush=True)
        if every is None:
            return
        time.sleep(every)
        print()
