"""Experiments from YAML and JSON files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rvd.config.errors import ConfigError, describe
from rvd.config.merging import merge
from rvd.experiment.experiment import ExperimentConfig
from rvd.experiment.inheritance import with_text_on_of_models
from rvd.plugins import plugin_faults


def experiment_from_mapping(values: Mapping[Any, Any]) -> ExperimentConfig:
    """Return the experiment that ``values`` describe.

    Raises:
        ConfigError: The config or a plug-in is wrong; one line for each error.
    """
    if faults := plugin_faults():
        raise ConfigError("\n".join(faults))
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe(error, ExperimentConfig)) from None


def load_experiment(paths: Sequence[Path]) -> ExperimentConfig:
    """Return the experiment described by YAML (or JSON) files.

    Args:
        paths: Files, each laid over the ones before it.

    Raises:
        ConfigError: A file is missing or not YAML, or the config is wrong; one line for each error.
    """
    values: Any = {}
    for path in paths:
        try:
            text = path.read_text()
            # YAML 1.1 takes JSON's 1e-06 for text.
            part = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            # YAML's own loader lets these through: a 13th month, a thousand brackets.
            raise ConfigError(f"{path}: is not valid YAML ({error})") from None
        except yaml.YAMLError as error:
            where = getattr(error, "problem_mark", None)
            line = f", line {where.line + 1}" if where else ""
            raise ConfigError(f"{path}{line}: is not valid YAML") from None
        if not isinstance(part, dict):
            raise ConfigError(f"{path}: is not a mapping of keys to values")
        values = merge(values, with_text_on_of_models(part))
    return experiment_from_mapping(values)
