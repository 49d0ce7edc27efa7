"""Provenance of results: config, versions, and the state of the code."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

from rvd.experiment.experiment import ExperimentConfig
from rvd.files import atomic_write, software


def provenance(experiment: ExperimentConfig) -> dict[str, str]:
    """Return the resolved config, the versions of the software and the commit, by title."""
    versions = {"python": platform.python_version(), **software()}
    return {
        "Config": _resolved(experiment),
        "Software": "\n".join(f"{name} {version}" for name, version in versions.items()),
        "Commit": commit() or "not in a git checkout",
    }


def write_config(experiment: ExperimentConfig, path: Path) -> None:
    """Write the resolved config as JSON, which is YAML as well.

    Raises:
        UserError: The file cannot be written.
    """
    with atomic_write(path) as partial:
        partial.write_text(_resolved(experiment) + "\n")


def commit() -> str | None:
    """Return the checkout's commit, marked where files differ; None outside of a checkout."""
    folder = Path(__file__).parent
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return run.stdout.strip()


def _resolved(experiment: ExperimentConfig) -> str:
    return json.dumps(experiment.model_dump(mode="json"), indent=2)
