"""The files of the workflow that are not Python: rules, notebooks, configs and profiles.

In the repository they lie in its top folder; an installed package has a copy of them, in the same
folders, as package data.
"""

from __future__ import annotations

import os
from pathlib import Path

import rvd

# Names the container image of the jobs, instead of the one built here (docs/workflow.md).
IMAGE_VARIABLE = "RVD_CONTAINER"
IMAGE = "rvd.sif"


def shipped() -> Path:
    """Return the folder of Snakefile, ``workflow/``, ``notebooks/``, ``config/``, ``profiles/``.

    ``examples/`` is there as well.
    """
    package = Path(rvd.__file__).absolute().parent
    installed = package / "shipped"
    return installed if installed.is_dir() else package.parent


def shipped_with(rules: str) -> str:
    """Return the folder that contains the notebooks and configs of a Snakefile.

    Args:
        rules: Folder of ``workflow/Snakefile``, or its address, where Snakemake reads it from a
            hosting service; notebooks and configs are then those of the installed package.
    """
    folder = Path(rules).parent
    return str(folder if (folder / "notebooks").is_dir() else shipped())


def container_image() -> str:
    """Return the container image in which jobs run if Snakemake is asked to use containers."""
    return os.environ.get(IMAGE_VARIABLE, IMAGE)
