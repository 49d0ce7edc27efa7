"""The generated reference of the config."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

verbs = typer.Typer()


@verbs.command()
def config_reference(
    readme: Annotated[
        Path, typer.Option(help="Markdown file to write, with a table per section.")
    ] = Path("config/README.md"),
    schema: Annotated[
        Path, typer.Option(help="JSON schema to write, by which editors check config files.")
    ] = Path("config/schema.json"),
) -> None:
    """Write the reference of the config, from the descriptions in the code."""
    from rvd.experiment.reference import reference_page, schema_text
    from rvd.files import atomic_write

    for path, text in ((readme, reference_page()), (schema, schema_text())):
        with atomic_write(path) as partial:
            partial.write_text(text, encoding="utf-8")
