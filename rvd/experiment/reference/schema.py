"""The JSON schema of a config file, by which editors complete and check it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from rvd.datasets.entry import DatasetEntry
from rvd.datasets.registry import OWN as OWN_DATASETS
from rvd.experiment.inheritance import FIXED
from rvd.experiment.reference.docstrings import summary
from rvd.experiment.reference.own import own_config
from rvd.models.entry import ModelEntry
from rvd.models.registry import OWN as OWN_MODELS

# Of the drafts that editors support, the one that all of them do.
DRAFT = "http://json-schema.org/draft-07/schema#"
LIKE = {
    "type": "string",
    "description": "Name of another section of the same mapping, over which this one is laid.",
}
# Differences between kinds in these do not make a key's schema another one.
_ANNOTATIONS = ("description", "default")


def config_schema() -> dict[str, Any]:
    """Return the JSON schema of a config file, as nested dictionaries.

    A file may be laid over others, so no key is required. Unknown keys are refused, and sections of
    ``datasets`` and ``models`` may have ``like``. Keys of mappings are text in JSON, integers too.
    Kinds and metrics of plug-ins are left out.
    """
    schema = own_config().model_json_schema(schema_generator=_Generator)
    definitions = schema.pop("$defs")
    for name, definition in definitions.items():
        if "on" in definition["properties"]:
            definition["properties"]["on"] = _settings_on(name, definition["properties"]["on"])
    unions: Sequence[tuple[str, str, str, Mapping[str, DatasetEntry | ModelEntry]]] = (
        ("datasets", "DatasetConfig", "reader", {entry.reader: entry for entry in OWN_DATASETS}),
        ("models", "ModelConfig", "kind", {entry.kind: entry for entry in OWN_MODELS}),
    )
    for key, name, tag, entries in unions:
        kinds = {value: entry.config.__name__ for value, entry in entries.items()}
        for kind in kinds.values():
            definitions[kind]["properties"]["like"] = LIKE
        union = f"Any{name}"
        definitions[union] = _union(union, tag, [definitions[kind] for kind in kinds.values()])
        definitions[name] = _told_apart(tag, kinds, union)
        by_name = schema["properties"][key]["patternProperties"]
        by_name.update((pattern, {"$ref": f"#/$defs/{name}"}) for pattern in list(by_name))
    described = {"$schema": DRAFT, "title": "Config of rvd", **schema, "$defs": definitions}
    _simplify(described)
    return described


def schema_text() -> str:
    """Return the JSON schema of a config file as text."""
    return json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n"


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with the keys of mappings as JSON has them."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def dict_schema(self, schema: Any) -> dict[str, Any]:
        found = super().dict_schema(schema)
        if schema.get("keys_schema", {}).get("type") == "int":
            found["propertyNames"] = {"pattern": "^[1-9][0-9]*$"}
        if "patternProperties" in found:
            found["additionalProperties"] = False
        return found

    def tuple_schema(self, schema: Any) -> dict[str, Any]:
        found = super().tuple_schema(schema)
        if "prefixItems" in found:  # its name in later drafts
            found["items"] = found.pop("prefixItems")
        return found


def _settings_on(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of ``on``: by dataset, a section without the keys that it cannot set."""
    section = {
        "allOf": [
            {"$ref": f"#/$defs/{name}"},
            {"properties": dict.fromkeys(FIXED, False)},
        ]
    }
    return {**schema, "additionalProperties": section}


def _told_apart(tag: str, names: dict[str, str], union: str) -> dict[str, Any]:
    """Return the schema of a section by its ``tag``, or ``union`` where an overlay has none."""
    branches: list[dict[str, Any]] = [
        {
            "if": {"properties": {tag: {"const": value}}, "required": [tag]},
            "then": {"$ref": f"#/$defs/{name}"},
        }
        for value, name in names.items()
    ]
    other = {"if": {"not": {"required": [tag]}}, "then": {"$ref": f"#/$defs/{union}"}}
    return {
        "type": "object",
        "properties": {tag: {"enum": list(names)}},
        "allOf": [*branches, other],
    }


def _union(name: str, tag: str, kinds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of a section whose kind is not known: each key may be that of any kind."""
    found: dict[str, list[dict[str, Any]]] = {}
    for kind in kinds:
        for key, schema in kind["properties"].items():
            if key == tag:
                continue
            if key == "on":
                schema = _settings_on(name, schema)
            alternatives = found.setdefault(key, [])
            if not any(_bare(schema) == _bare(other) for other in alternatives):
                alternatives.append(schema)
    properties = {
        key: schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        for key, schemas in found.items()
    }
    return {
        "type": "object",
        "description": f"A section that inherits its `{tag}`.",
        "properties": properties,
        "additionalProperties": False,
    }


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in _ANNOTATIONS}


def _simplify(schema: Any, is_mapping: bool = False) -> None:
    """Drop what an overlay does not need, in place: required keys, and titles of classes."""
    if isinstance(schema, list):
        for inner in schema:
            _simplify(inner)
    if not isinstance(schema, dict):
        return
    if not is_mapping and "properties" in schema and "if" not in schema:
        if "additionalProperties" in schema:  # a section, not a condition
            schema.pop("required", None)
        if "$schema" not in schema:
            schema.pop("title", None)
        if "description" in schema:
            schema["description"] = summary(schema["description"])
    for key, inner in schema.items():
        if key not in ("default", "enum", "const"):
            _simplify(inner, is_mapping=key in ("properties", "patternProperties", "$defs"))
    if not is_mapping and isinstance(schema.get("description"), str):
        schema["description"] = " ".join(schema["description"].split())
