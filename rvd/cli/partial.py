"""Tables, figures and gallery of an experiment that is not complete."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from rvd.cli.options import DEFAULT_CONFIG, Config
from rvd.cli.scores import wanted_cells
from rvd.errors import UserError
from rvd.experiment.loading import load_experiment
from rvd.workflow.partial import ExistingResults, existing_results
from rvd.workflow.plan import Plan

verbs = typer.Typer()

TABLES = {"table1": "Table 1", "ablation": "Table 2, ablations"}


@verbs.command()
def partial(
    output: Annotated[Path, typer.Option(help="folder for tables, figures and gallery")],
    notebooks: Annotated[
        list[Path] | None, typer.Argument(help="notebooks of this project to draw")
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Tabulate and draw the results that exist, and say which are missing."""
    plan = Plan(load_experiment(config))
    existing = existing_results(plan)
    if existing.empty:
        raise UserError(
            f"{plan.at('results')}: no forecasts and no scores of any dataset in run.datasets "
            f"({', '.join(plan.experiment.run.datasets)}) exist yet, so there is nothing to show"
        )
    _tabulate(plan, existing, output)
    problems = [_draw(plan, existing, notebook, output) for notebook in notebooks or []]
    missing = [*existing.missing, *filter(None, problems)]
    _build_gallery(plan, existing, missing, output)
    lines = [f"missing: {line}" for line in missing] or ["nothing is missing"]
    (output / "missing.txt").write_text("\n".join(lines) + "\n")
    print("\n".join(["partial results:", *(f"  {line}" for line in lines)]), file=sys.stderr)
    print(f"{output / 'gallery.html'}")


def _tabulate(plan: Plan, existing: ExistingResults, output: Path) -> None:
    from rvd.evaluation.tables.tables import Table, tabulate

    budget = plan.budget()
    if existing.missing:
        budget += f". Partial results; missing: {'. '.join(existing.missing)}"
    names: tuple[Table, ...] = ("table1", "ablation")
    for name in names:
        there = set(plan.scores(name)) & set(existing.scores)
        scores = [Path(path) for path in existing.scores if path in there]
        tabulate(scores, name, wanted_cells(plan, name), output / f"{name}.csv", budget)


def _draw(plan: Plan, existing: ExistingResults, notebook: Path, output: Path) -> str | None:
    """Render ``notebook`` on the existing files; return the reason if it cannot be drawn."""
    from rvd.workflow.notebooks import parameters_of, render

    files = {"samples": existing.samples, "scores": existing.scores, "curves": existing.curves}
    needed = [name for name in files if name in parameters_of(notebook)]
    if needed and not any(files[name] for name in needed):
        return f"{notebook.stem}: not drawn, as there are no {' and no '.join(needed)}"
    parameters: dict[str, Any] = {
        name: [str(Path(path).absolute()) for path in files[name]] for name in files
    }
    parameters["tables"] = {name: str((output / f"{name}.csv").absolute()) for name in TABLES}
    parameters["periods"] = plan.periods()
    try:
        render(notebook, output / "figures" / notebook.stem, parameters)
    except UserError as error:  # the other notebooks may have what they need
        return f"{notebook.stem}: not drawn ({error})"
    return None


def _build_gallery(plan: Plan, existing: ExistingResults, missing: list[str], output: Path) -> None:
    from rvd.gallery import Contents, build_gallery
    from rvd.training.status import format_accounts, progress_of
    from rvd.workflow.provenance import provenance

    contents = Contents(
        samples=[Path(path) for path in existing.samples],
        scores=[Path(path) for path in existing.scores],
        curves=[Path(path) for path in existing.curves],
        tables={title: output / f"{name}.csv" for name, title in TABLES.items()},
        periods=plan.periods(),
        provenance=provenance(plan.experiment) | {"Trainings": format_accounts(progress_of(plan))},
        megabytes=plan.experiment.gallery.megabytes,
        missing=missing,
    )
    build_gallery(contents, output / "gallery.html")
