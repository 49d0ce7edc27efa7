"""Entries of other packages: kinds of models, readers of datasets, and metrics (docs/plugins.md).

A package lists them as entry points of the groups ``rvd.models``, ``rvd.datasets`` and
``rvd.metrics``. The registries add the valid ones to their own. An invalid one is left out, and
named when a config is read.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pkgutil import resolve_name
from typing import Any, get_args

from rvd.errors import UserError

_FAULTS: list[str] = []


def installed_entries(
    group: str, base: type, own: Sequence[Any], why_not: Callable[[Any, Sequence[Any]], str | None]
) -> tuple[Any, ...]:
    """Return the valid entries of installed packages, ordered by package and name.

    Each entry's ``package`` is set to the name and version of its package.

    Args:
        group: Group of entry points.
        base: Class of an entry.
        own: Entries of this project, which no other may replace.
        why_not: Function from an entry and those before it to the reason why it cannot join them,
            or None.
    """
    found: list[Any] = []
    points = entry_points(group=group)
    for point in sorted(points, key=lambda point: (_package(point), point.name)):
        try:
            entry, fault = _load(point, base), None
            if not isinstance(entry, base):
                fault = f"is {_a(type(entry))}, expected {_a(base)}"
            else:
                fault = why_not(entry, [*own, *found])
        except Exception as error:  # anything may happen in the code of another package
            fault = f"cannot be imported ({described(error)})"
        if fault:
            _FAULTS.append(
                f"package '{_package(point)}': its plug-in '{point.value}' of {group} {fault}; "
                "correct or uninstall the package"
            )
        else:
            found.append(dataclasses.replace(entry, package=_package(point)))
    return tuple(found)


def plugin_faults() -> tuple[str, ...]:
    """Return one line for each invalid plug-in of the registries that have been imported."""
    return tuple(_FAULTS)


def resolve(name: str, package: str) -> Any:
    """Return the object ``module:name``, imported.

    Args:
        name: Module and name.
        package: Package of a plug-in; empty for an object of this project.

    Raises:
        UserError: The object of a plug-in cannot be imported.
    """
    try:
        return resolve_name(name)
    except Exception as error:  # of the other package's code; our own errors are raised on
        if not package:
            raise
        raise UserError(
            f"package '{package}': '{name}' cannot be imported ({described(error)})"
        ) from error


def require_type(value: Any, base: type, name: str, package: str) -> None:
    """Refuse a value of another type from a plug-in; the project's own are checked by mypy.

    Args:
        value: Value that ``name`` returned.
        base: Expected type.
        name: Function or class that returned it, in words.
        package: Package of the plug-in; empty for a function of this project.

    Raises:
        UserError: The value has another type.
    """
    if package and not isinstance(value, base):
        raise UserError(
            f"package '{package}': {name} returned {_a(type(value))}, expected {_a(base)}"
        )


def why_not_section(config: Any, base: type, tag: str, value: str) -> str | None:
    """Return the reason why a class cannot describe a kind in the config, or None.

    Args:
        config: Class of the section.
        base: Class that it must derive from.
        tag: Key that tells the kinds apart.
        value: Value of the key.
    """
    if not (isinstance(config, type) and issubclass(config, base)):
        return f"has the config {config!r}, expected a subclass of {base.__name__}"
    field = getattr(config, "model_fields", {}).get(tag)
    if field is None or get_args(field.annotation) != (value,):
        return f'has no `{tag}: Literal["{value}"]` in {config.__name__}'
    return None


def owner(package: str) -> str:
    """Return the name of an entry's package in words."""
    return f"package '{package}'" if package else "rvd itself"


def described(error: Exception) -> str:
    """Return the type of an error and the first line of its message."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def _load(point: EntryPoint, base: type) -> Any:
    before = "torch" in sys.modules
    entry = point.load()
    if not before and "torch" in sys.modules:
        raise ImportError("it imports torch: name classes and functions as 'module:name'")
    return entry


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"


def _a(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'aeiouAEIOU' else 'a'} {kind.__name__}"
