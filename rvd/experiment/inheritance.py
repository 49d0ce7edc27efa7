"""Sections laid over each other: files, ``like``, and ``on``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from rvd.config.errors import describe
from rvd.config.merging import merge
from rvd.config.trained import TrainedModelConfig

# Keys that `on` cannot set: the kind is the same on all datasets, and sections are resolved.
FIXED = ("kind", "like", "on")


def with_text_on(section: Any) -> Any:
    """Return ``section`` with its key ``on`` as text, which YAML 1.1 reads as ``true``."""
    if not isinstance(section, Mapping):
        return section
    found: dict[Any, Any] = {}
    for key, value in section.items():
        name = "on" if key is True else key
        inner = value
        if name == "on" and isinstance(value, Mapping):
            inner = {dataset: with_text_on(settings) for dataset, settings in value.items()}
        # Both forms occur where one file quotes the key and another does not.
        found[name] = merge(found[name], inner) if name in found else inner
    return found


def with_text_on_of_models(values: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return ``values`` of a config with the key ``on`` of each model as text."""
    models = values.get("models")
    if not isinstance(models, Mapping):
        return values
    return {**values, "models": {name: with_text_on(section) for name, section in models.items()}}


def resolve_like(kind: str, name: Any, sections: Mapping[Any, Any]) -> Any:
    """Return the section ``name`` laid over the one that it is ``like``.

    Args:
        kind: ``datasets`` or ``models``, for messages.
        name: Name of the section.
        sections: All sections of that kind, by name.

    Raises:
        ValueError: ``like`` names no other section, or leads back to this one.
    """
    section, chain = sections[name], [name]
    while isinstance(section, Mapping) and "like" in section:
        other = section["like"]
        if not isinstance(other, str) or other in chain or other not in sections:
            raise ValueError(f"{kind}.{name}.like: '{other}' is not another of the {kind}")
        chain.append(other)
        own = {key: value for key, value in section.items() if key != "like"}
        section = merge(sections[other], own)
    return section


def errors_on(models: Mapping[str, Any], datasets: Iterable[str]) -> list[str]:
    """Return one line for each error in the ``on`` of ``models``.

    An error that is inherited through ``like`` is reported for one of the models only.
    """
    known = sorted(datasets)
    found: dict[str, str] = {}
    for name, section in models.items():
        if not isinstance(section, TrainedModelConfig):
            continue
        for dataset in section.on:
            for error in _errors(section, dataset, known):
                line = f"on.{dataset}{error}"
                found.setdefault(line, f"models.{name}.{line}")
    return list(found.values())


def _errors(section: TrainedModelConfig, dataset: str, known: list[str]) -> list[str]:
    if dataset not in known:
        return [f": there is no such dataset; there are {', '.join(known)}"]
    if fixed := [key for key in FIXED if key in section.on[dataset]]:
        return [f".{key}: a model's {key} is the same on all datasets" for key in fixed]
    try:
        section.on_dataset(dataset)
    except ValidationError as error:
        return [f".{line}" for line in describe(error, type(section)).splitlines()]
    return []
