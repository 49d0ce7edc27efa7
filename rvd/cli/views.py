"""What people look at: figures, the gallery, the progress of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rvd.cli.options import DEFAULT_CONFIG, Config, Output
from rvd.errors import UserError
from rvd.experiment.loading import load_experiment
from rvd.workflow.plan import Plan

verbs = typer.Typer()


@verbs.command()
def render(
    notebook: Annotated[Path, typer.Argument(help="a notebook of this project")],
    output: Annotated[Path, typer.Option(help="folder for notebook, HTML and figures")],
    dataset: Annotated[
        str | None, typer.Option(help="the simulated dataset whose runs the notebook shows")
    ] = None,
    costs: Annotated[
        Path | None, typer.Option(help="what tune-sampler wrote, for the notebook of it")
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Execute a notebook on the results of an experiment."""
    from rvd.workflow.notebooks import render

    plan = Plan(load_experiment(config))
    if dataset is not None:
        if not plan.simulated([dataset] if dataset in plan.experiment.datasets else []):
            raise UserError(f"--dataset: '{dataset}' is not a simulated dataset of the config")
        shown = plan.runs(dataset)
        shown["runs"] = [str(Path(path).absolute()) for path in shown["runs"]]
        render(notebook, output, shown)
        return
    if costs is not None:
        render(notebook, output, {"costs": str(costs.absolute())})
        return
    files = {
        "samples": plan.results("samples.h5"),
        "scores": plan.results("scores.csv"),
        "curves": plan.curves(),
    }
    parameters: dict[str, Any] = {
        key: [str(Path(path).absolute()) for path in files[key]] for key in files
    }
    parameters["tables"] = {
        name: str(Path(plan.at(f"results/{name}.csv")).absolute())
        for name in ("table1", "ablation")
    }
    render(notebook, output, {**parameters, "periods": plan.periods()})


@verbs.command()
def gallery(output: Output, config: Config = DEFAULT_CONFIG) -> None:
    """Build the page of moving forecasts, scores and curves."""
    from rvd.gallery import Contents, build_gallery
    from rvd.training.status import format_accounts, progress_of
    from rvd.workflow.provenance import provenance

    plan = Plan(load_experiment(config))
    tables = {"Table 1": "results/table1.csv", "Table 2, ablations": "results/ablation.csv"}
    contents = Contents(
        samples=[Path(path) for path in plan.results("samples.h5")],
        scores=[Path(path) for path in plan.results("scores.csv")],
        curves=[Path(path) for path in plan.curves()],
        tables={title: Path(plan.at(path)) for title, path in tables.items()},
        periods=plan.periods(),
        provenance={
            **provenance(plan.experiment),
            "Trainings": "\n".join([format_accounts(progress_of(plan)), *plan.not_trained_here()]),
        },
        megabytes=plan.experiment.gallery.megabytes,
    )
    build_gallery(contents, output)


@verbs.command()
def status(
    config: Config = DEFAULT_CONFIG,
    every: Annotated[
        float | None, typer.Option(min=0.5, help="print again every so many seconds")
    ] = None,
) -> None:
    """Show how far every model is, from the journals and results."""
    import time

    from rvd.training.status import format_progress, progress_of

    plan = Plan(load_experiment(config))
    while True:
        print(format_progress(list(progress_of(plan))), flush=True)
        if every is None:
            return
        time.sleep(every)
        print()
