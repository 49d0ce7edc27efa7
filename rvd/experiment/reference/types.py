"""The types of a section's keys in words, from their JSON schema."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

_TYPES = {
    "integer": "integer",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
    "object": "mapping",
    "array": "list",
}
_BOUNDS = {
    "exclusiveMinimum": ">",
    "minimum": "≥",
    "exclusiveMaximum": "<",
    "maximum": "≤",
}


def types_in_words(section: type[BaseModel]) -> dict[str, str]:
    """Return the type of each key of ``section`` in words, with the bounds of numbers."""
    properties = section.model_json_schema()["properties"]
    return {name: _in_words(schema) for name, schema in properties.items()}


def _in_words(schema: dict[str, Any]) -> str:
    if "$ref" in schema or "oneOf" in schema:
        return "section"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(value).strip(chr(34))}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_in_words(alternative) for alternative in schema["anyOf"])
    if schema["type"] == "array":
        return _list_in_words(schema)
    if schema["type"] == "object":
        values = schema.get("additionalProperties")
        values = values or next(iter(schema.get("patternProperties", {}).values()), None)
        return f"mapping to {_in_words(values)}" if isinstance(values, dict) else "mapping"
    bounds = [f"{sign} {_number(schema[key])}" for key, sign in _BOUNDS.items() if key in schema]
    if "multipleOf" in schema:
        bounds.append(f"multiple of {schema['multipleOf']}")
    return f"{_TYPES[schema['type']]} {', '.join(bounds)}".strip()


def _list_in_words(schema: dict[str, Any]) -> str:
    if "prefixItems" in schema:
        items = [_in_words(item) for item in schema["prefixItems"]]
        return f"[{', '.join(items)}]"
    return f"list of {_in_words(schema['items'])}"


def _number(value: float) -> str:
    if isinstance(value, int) and value > 1 << 30:
        return f"2^{value.bit_length() - 1}"
    return f"{value:g}"
