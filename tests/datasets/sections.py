"""Sections of the paper's config, changed for tiny archives."""

from functools import cache
from pathlib import Path

import yaml

from rvd.config.merging import merge
from rvd.experiment.loading import experiment_from_mapping
from tests.tiny import config

PAPER = Path(__file__).parents[2] / "config" / "config.yaml"
# Requirements that an archive of a few videos cannot meet.
TINY = {
    "kth": {},
    "bair": {"videos": None, "validation": 1},
    "cityscapes": {"videos": None, "stored": [64, 32], "size": 16},
}


@cache
def _paper() -> dict:
    return yaml.safe_load(PAPER.read_text())["datasets"]


def values(name: str, **changes) -> dict:
    """Return the paper's section of a dataset, adapted to a tiny archive, with ``changes``."""
    return merge(merge(_paper()[name], TINY[name]), changes)


def section(name: str, **changes):
    """Return the same section, validated."""
    return validated(values(name, **changes))


def validated(described: dict):
    return experiment_from_mapping(
        config(datasets=config()["datasets"] | {"it": described})
    ).datasets["it"]
