"""The page of the command line's verbs, from their declarations in ``rvd.cli``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import typer
from mkdocs.structure.files import File, Files
from typer.cli import get_docs_for_click

ROOT = Path(__file__).parents[2]

INTRODUCTION = """\
# Verbs

Each step of the pipeline is one verb of `rvd`; Snakemake calls them with the files of each rule,
and they can be called by hand. `rvd --help` and `rvd VERB --help` print this text. An error that
the user can fix ends a verb with one line and exit code 2. An interrupted training or sampling ends
with code 75, and the same command resumes it.

"""
SOLVER = """
## python -m lbm

The flow solver has a command line of its own.

"""
# The list of verbs, which the page's own contents replace, and the option that each of them has.
REPEATED = re.compile(r"^\*\*Commands\*\*:\n\n(?:\* .*\n)+\n|^\* `--help`:.*\n", re.MULTILINE)
EMPTY = re.compile(r"^\*\*Options\*\*:\n\n(?!\*)", re.MULTILINE)
# Text such as <folder>/<archive>, outside of code.
PLACEHOLDER = re.compile(r"<(?=\w)(?=[^`\n]*(?:`[^`\n]*`[^`\n]*)*$)", re.MULTILINE)


def on_files(files: Files, config: Any) -> Files:
    """Add the page."""
    files.append(File.generated(config, "reference/verbs.md", content=page()))
    return files


def page() -> str:
    """Return the page: a section per verb."""
    # Here, since mkdocs restores the path after it has imported the hooks.
    sys.path.insert(0, str(ROOT))
    import lbm.cli
    import rvd.cli

    return INTRODUCTION + _verbs(rvd.cli.app, "rvd") + SOLVER + _verbs(lbm.cli.app, "python -m lbm")


def _verbs(app: typer.Typer, program: str) -> str:
    """Return the options of a program, and a section for each of its verbs."""
    group = typer.main.get_command(app)
    context = typer.Context(group, info_name=program)
    text = get_docs_for_click(obj=group, ctx=context, name=program)
    text = EMPTY.sub("", REPEATED.sub("", text[text.index("**Usage**") :]))
    return PLACEHOLDER.sub("&lt;", text.replace("```console\n$ ", "```\n"))
