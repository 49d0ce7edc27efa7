"""The generated reference of the config, and the path of the workflow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

verbs = typer.Typer()


@verbs.command()
def config_reference(
    folder: Annotated[
        Path, typer.Option(help="Folder of the Markdown pages and of schema.json.")
    ] = Path("config"),
) -> None:
    """Write the reference of the config, and its JSON schema, from the descriptions in the code."""
    from rvd.experiment.reference import reference_pages, schema_text
    from rvd.files import atomic_write

    for name, text in {**reference_pages(), "schema.json": schema_text()}.items():
        with atomic_write(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")


@verbs.command()
def workflow_path() -> None:
    """Print the path of the Snakefile, which lies next to config/, notebooks/ and profiles/."""
    from rvd.workflow.setup.shipped import shipped

    print(shipped() / "Snakefile")
