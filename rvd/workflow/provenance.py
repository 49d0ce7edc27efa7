"""Provenance of results: config and versions."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from rvd.experiment.experiment import ExperimentConfig
from rvd.files import atomic_write, software


def provenance(experiment: ExperimentConfig) -> dict[str, str]:
    """Return the resolved config and the versions of the software, by title."""
    versions = {"python": platform.python_version(), **software()}
    return {
        "Config": _resolved(experiment),
        "Software": "\n".join(f"{name} {version}" for name, version in versions.items()),
    }


def write_config(experiment: ExperimentConfig, path: Path) -> None:
    """Write the resolved config as JSON, which is YAML as well.

    Raises:
        UserError: The file cannot be written.
    """
    with atomic_write(path) as partial:
        partial.write_text(_resolved(experiment) + "\n")


def _resolved(experiment: ExperimentConfig) -> str:
    return json.dumps(experiment.model_dump(mode="json"), indent=2)
