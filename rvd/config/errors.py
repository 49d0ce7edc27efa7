"""Errors in the config, as one line each."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from rvd.errors import UserError

# Sections that may be `like` another, and whose kind pydantic puts into an error's location.
_NAMED = ("datasets", "models")


class ConfigError(UserError):
    """The config is wrong; the message has one line for each error."""


def describe(error: ValidationError, schema: type[BaseModel]) -> str:
    """Return one line for each error: the key, the fault, and the value given.

    Args:
        error: The exception that pydantic raised for ``schema``.
        schema: The model that was being read; its keys are searched for near misses.
    """
    known = sorted(_keys(schema))
    items = error.errors()
    first: dict[Any, Any] = {}
    for item in items:
        location = item["loc"]
        # A list with wrong entries is also reported as too short.
        if item["type"] == "too_short" and any(
            other["loc"][: len(location)] == location and other is not item for other in items
        ):
            continue
        # Each section that is `like` a wrong one inherits the error: report it once.
        inherited = location[:1] and location[0] in _NAMED
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
            f"{context['expected_tags']}; is the package that adds it installed?"
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
    """Return ``models.vd.sigma`` for ``('models', 'vd', 'rvd', 'sigma')``, without the kind."""
    parts = [str(part) for part in location]
    if len(parts) > 2 and parts[0] in _NAMED:
        del parts[2]
    return ".".join(parts)


def _keys(schema: type[BaseModel], seen: set[type] | None = None) -> set[str]:
    """Return each key of ``schema`` and of the sections within it."""
    seen = set() if seen is None else seen
    if schema in seen:
        return set()
    seen.add(schema)
    keys = set(schema.model_fields)
    for field in schema.model_fields.values():
        for inner in sections_in(field.annotation):
            keys |= _keys(inner, seen)
    return keys


def sections_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the sections that a field's annotation contains: ``dict[str, A] | B`` → A, B."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in sections_in(part)]
