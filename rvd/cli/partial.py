"""Tables, figures and gallery of an experiment that is not complete."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rvd.cli.inputs import ResultFiles
from rvd.cli.options import DEFAULT_CONFIG, Config, from_extra
from rvd.cli.scores import wanted_cells
from rvd.cli.views import write_gallery
from rvd.errors import UserError
from rvd.experiment.loading import load_experiment
from rvd.workflow.captions import budget
from rvd.workflow.layout import TABLES, ShownResults
from rvd.workflow.parameters import result_parameters
from rvd.workflow.partial import ExistingResults, existing_results
from rvd.workflow.plan import Plan

verbs = typer.Typer()


@verbs.command()
def partial(
    output: Annotated[Path, typer.Option(help="folder for tables, figures and gallery")],
    notebooks: Annotated[
        list[Path] | None, typer.Argument(help="notebooks of this project to draw")
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Tabulate and draw the results that exist, and list those that are missing."""
    plan = Plan(load_experiment(config))
    existing = existing_results(plan)
    if existing.empty:
        raise UserError(
            f"{plan.layout.shown.folder}: no forecasts and no scores of any dataset in "
            f"run.datasets ({', '.join(plan.experiment.run.datasets)}) exist yet, so there is "
            "nothing to show"
        )
    shown = ShownResults(str(output))
    files = ResultFiles(
        samples=[Path(path) for path in existing.samples],
        scores=[Path(path) for path in existing.scores],
        curves=[Path(path) for path in existing.curves],
        tables=[Path(path) for path in shown.tables()],
    )
    _tabulate(plan, existing, shown)
    problems = [_draw(plan, files, notebook, shown) for notebook in notebooks or []]
    missing = [*existing.missing, *filter(None, problems)]
    write_gallery(plan, files, Path(shown.gallery), missing)
    lines = [f"missing: {line}" for line in missing] or ["nothing is missing"]
    Path(shown.missing).write_text("\n".join(lines) + "\n")
    print("\n".join(["partial results:", *(f"  {line}" for line in lines)]), file=sys.stderr)
    print(shown.gallery)


def _tabulate(plan: Plan, existing: ExistingResults, shown: ShownResults) -> None:
    from rvd.evaluation.tables.tables import tabulate

    caption = budget(plan.experiment)
    if existing.missing:
        caption += f". Partial results; missing: {'. '.join(existing.missing)}"
    for name in TABLES:
        present = set(plan.scores(name)) & set(existing.scores)
        scores = [Path(path) for path in existing.scores if path in present]
        cells = wanted_cells(plan, name)
        # The names are those of rvd.evaluation.tables.tables.Table.
        tabulate(scores, name, cells, Path(shown.table(name)), caption)  # type: ignore[arg-type]


def _draw(plan: Plan, files: ResultFiles, notebook: Path, shown: ShownResults) -> str | None:
    """Render ``notebook`` on the existing files; return the reason if it cannot be drawn."""
    with from_extra("notebooks"):
        from rvd.workflow.notebooks import parameters_of, render

    given = {"samples": files.samples, "scores": files.scores, "curves": files.curves}
    needed = [name for name in given if name in parameters_of(notebook)]
    if needed and not any(given[name] for name in needed):
        return f"{notebook.stem}: not drawn, as there are no {' and no '.join(needed)}"
    parameters = result_parameters(plan.experiment, vars(files))
    try:
        render(notebook, Path(shown.figures(notebook.stem)), parameters)
    except UserError as error:  # the other notebooks may have what they need
        return f"{notebook.stem}: not drawn ({error})"
    return None
