"""The base of every part of the config, and its mistakes as one line each."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from rvd.errors import UserError

# A name is a folder: no separators, nothing hidden.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9+._-]*$")]
# A folder of the workflow: braces would be wildcards of Snakemake's.
Folder = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f{}]+$")]

_LIKENED = (("datasets",), ("models",))  # where a section may be `like` another
_TAGGED = (
    "datasets",
    "models",
)  # where pydantic puts the kind of a section into a mistake's location


class ConfigError(UserError):
    """The config is wrong; the message has one line for each mistake."""


class Section(BaseModel):
    """A part of the config: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def describe(error: ValidationError, schema: type[BaseModel]) -> str:
    """One line for each mistake: the key, what is wrong, what was given.

    Args:
        error: what pydantic raised for ``schema``.
        schema: the model that was being read; its keys are searched for near misses.
    """
    known = sorted(_keys(schema))
    items = error.errors()
    first: dict[Any, Any] = {}
    for item in items:
        location = item["loc"]
        # A list whose entries are wrong is also said to be too short.
        if item["type"] == "too_short" and any(
            other["loc"][: len(location)] == location and other is not item for other in items
        ):
            continue
        # A mistake is inherited by every section that is `like` the one that makes it: say it once.
        inherited = location[:1] in _LIKENED
        key = (location[0], location[2:], item["msg"]) if inherited else location
        first.setdefault(key, item)
    return "\n".join(_describe_one(item, known) for item in first.values())


def _describe_one(item: Any, known: Sequence[str]) -> str:
    path = _path(item["loc"])
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(item["loc"][-1]), known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"{path}: there is no such key{hint}"
    if item["type"] == "missing":
        return f"{path}: this key is required and missing"
    if item["type"] == "union_tag_invalid":
        context = item["ctx"]
        return (
            f"{path}.{context['discriminator'].strip(chr(39))}: '{context['tag']}' is not one of "
            f"{context['expected_tags']}"
        )
    if item["type"] == "union_tag_not_found":
        key = item["ctx"]["discriminator"].strip("'")
        return f"{path}.{key}: this key is required and missing"
    message = item["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if item["type"] == "value_error" and isinstance(item["input"], dict):
        return f"{path}: {message}" if path else message
    given = repr(item["input"])
    given = given if len(given) <= 80 else given[:77] + "..."
    return f"{path}: {message[0].lower()}{message[1:]} (given {given})"


def _path(location: Sequence[int | str]) -> str:
    """``('models', 'vd', 'rvd', 'sigma')`` → ``models.vd.sigma``: the tag of a union goes."""
    parts = [str(part) for part in location]
    if len(parts) > 2 and parts[0] in _TAGGED:
        del parts[2]
    return ".".join(parts)


def _keys(schema: type[BaseModel], seen: set[type] | None = None) -> set[str]:
    """Every key of ``schema`` and of the sections within it."""
    seen = set() if seen is None else seen
    if schema in seen:
        return set()
    seen.add(schema)
    keys = set(schema.model_fields)
    for field in schema.model_fields.values():
        for inner in _models_in(field.annotation):
            keys |= _keys(inner, seen)
    return keys


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]
