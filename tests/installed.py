"""Packages that look installed: their code, and what importlib.metadata reads of them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
# The entries of examples/plugin by group.
EXAMPLE = {"models": "MODEL", "datasets": "DATASET", "metrics": "METRIC"}


def write_package(folder, name, points, code="", source=None):
    """Write a package with entry points, by group, of one name each.

    Its module is ``<name>_plugin`` with ``code``, or the folder ``source`` is copied.
    """
    about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"[{group}]\n{name} = {value}\n" for group, value in points.items()]
    (about / "entry_points.txt").write_text("\n".join(lines))
    if source is None:
        (folder / f"{name}_plugin.py").write_text(code)
    else:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / source.name, ignore=ignored)


def environment(folder):
    """Return the environment in which the packages in ``folder`` are installed."""
    return os.environ | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{folder}", "OMP_NUM_THREADS": "1"}


def python(folder, *arguments):
    """Run Python with the packages in ``folder`` installed."""
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env=environment(folder), capture_output=True, text=True, check=False
    )
