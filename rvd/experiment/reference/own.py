"""The config of this project alone, which the committed reference describes."""

from __future__ import annotations

from copy import copy
from typing import Any, Literal

from pydantic import BaseModel, create_model

from rvd.config.section import Name
from rvd.datasets import registry as datasets
from rvd.experiment.evaluation import EvaluationConfig
from rvd.experiment.experiment import ExperimentConfig
from rvd.metrics import registry as metrics
from rvd.models import registry as models


def own_config() -> type[BaseModel]:
    """Return the class of the config without what installed plug-ins add to it.

    It only describes: configs are validated by
    :class:`~rvd.experiment.experiment.ExperimentConfig`.
    """
    if (models.ENTRIES, datasets.ENTRIES, metrics.ENTRIES) == (
        models.OWN,
        datasets.OWN,
        metrics.OWN,
    ):
        return ExperimentConfig
    names: Any = Literal[tuple(entry.name for entry in metrics.OWN)]
    evaluation = _with_types(EvaluationConfig, {"metrics": tuple[names, ...]})
    return _with_types(
        ExperimentConfig,
        {
            # Types that are built from the registries, which mypy cannot know.
            "datasets": dict[Name, datasets.union_of(datasets.OWN)],  # type: ignore[misc]
            "models": dict[Name, models.union_of(models.OWN)],  # type: ignore[misc]
            "evaluation": evaluation,
        },
    )


def _with_types(section: type[BaseModel], types: dict[str, Any]) -> type[BaseModel]:
    """Return a subclass of ``section`` with its name, and other types of some of its fields."""
    fields: dict[str, Any] = {}
    for name, annotation in types.items():
        field = copy(section.model_fields[name])
        field.annotation = annotation
        fields[name] = (annotation, field)
    made: type[BaseModel] = create_model(
        section.__name__, __base__=section, __doc__=section.__doc__, **fields
    )
    return made
