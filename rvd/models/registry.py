"""The registry of models: one entry per kind, from which config, files and labels follow.

A new model is a package that exports an ``ENTRY``, and a line in ``NAMES``; or an entry point
``rvd.models`` of another installed package (:mod:`rvd.plugins`). Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from rvd.config.model import ModelConfig
from rvd.models.entry import ModelEntry
from rvd.plugins import installed_entries

if TYPE_CHECKING:
    from rvd.models.base import VideoPredictor

# One line per model, in the order of the paper's tables, followed by those not in the paper.
NAMES = (
    "rvd.models.rvd:ENTRY",
    "rvd.models.ivrnn:ENTRY",
    "rvd.models.svg_lp:ENTRY",
    "rvd.models.retro_gan:ENTRY",
    "rvd.models.dvd_gan:ENTRY",
    "rvd.models.future_gan:ENTRY",
    "rvd.models.crps:ENTRY",
    "rvd.models.pretrained:ENTRY",
    "rvd.models.stored:ENTRY",
    "rvd.models.baselines:MEAN",
    "rvd.models.baselines:RESAMPLED",
    "rvd.models.baselines:ANALOGUE",
    "rvd.models.baselines:PERSISTENCE",
)

OWN: tuple[ModelEntry, ...] = tuple(resolve_name(name) for name in NAMES)
ENTRIES: tuple[ModelEntry, ...] = (
    *OWN,
    *installed_entries("rvd.models", ModelEntry, OWN, ModelEntry.conflict),
)
MODELS: dict[str, ModelEntry] = {entry.kind: entry for entry in ENTRIES}
# Where two entries label one name, the first counts: a plug-in does not rename our rows.
LABELS: dict[str, str] = {}
for _entry in ENTRIES:
    LABELS |= {name: text for name, text in _entry.labels.items() if name not in LABELS}


def union_of(entries: Iterable[ModelEntry]) -> Any:
    """Return the type of a section of the config's ``models``, discriminated by its ``kind``."""
    return Annotated[reduce(or_, (entry.config for entry in entries)), Field(discriminator="kind")]


if TYPE_CHECKING:
    Model = ModelConfig
else:
    Model = union_of(ENTRIES)


def build(config: Any, size: int, channels: int) -> VideoPredictor:
    """Return the untrained model that ``config`` describes.

    Args:
        config: The model's section of the config.
        size: Height and width of a frame, in pixels.
        channels: Number of channels of a frame, 1 or 3.
    """
    return MODELS[config.kind].build(config, size, channels)


def package_of(config: Any) -> str:
    """Return the package whose plug-in adds the kind of a section; empty for this project's."""
    entry = MODELS.get(getattr(config, "kind", ""))
    return entry.package if entry else ""


def model_label(model: str) -> str:
    """Return the label of a model's name (``svg-lp`` → SVG-LP), or the name if it has none."""
    return LABELS.get(model, model)


def in_order(models: Iterable[str]) -> list[str]:
    """Return ``models`` without repeats: labelled ones in the tables' order, then the others."""
    found = list(dict.fromkeys(models))
    known = list(LABELS)
    return sorted(found, key=lambda name: known.index(name) if name in known else len(known))
