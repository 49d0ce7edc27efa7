"""How results were made: config, versions, and the state of the code."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

from rvd.experiment.experiment import ExperimentConfig
from rvd.files import software


def provenance(experiment: ExperimentConfig) -> dict[str, str]:
    """Title → text: the resolved config, versions of the software, and the commit."""
    versions = {"python": platform.python_version(), **software()}
    return {
        "Config": json.dumps(experiment.model_dump(mode="json"), indent=2),
        "Software": "\n".join(f"{name} {version}" for name, version in versions.items()),
        "Commit": commit() or "not in a git checkout",
    }


def commit() -> str | None:
    """The checkout's commit, marked when files differ from it; None outside of a checkout."""
    folder = Path(__file__).parent
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return run.stdout.strip()
