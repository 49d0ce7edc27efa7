"""The scope of a run: datasets, models and seeds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt

from rvd.config.section import Name, Section

Seeds = Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]


class RunConfig(Section):
    """The datasets, models and seeds that are run."""

    datasets: tuple[Name, ...] = Field(min_length=1)
    """Names of `datasets`."""
    models: tuple[Name, ...] = Field(min_length=1)
    """Names of `models`, in the order in which the workflow lists them."""
    seeds: Seeds
    """Seeds of training. Each is trained, sampled and scored, and tables show mean and standard
    error."""
    seeds_of: dict[Name, Seeds] = Field(default_factory=dict)
    """Model → its own seeds instead of `seeds`, for a model that is trained, or some of its seeds
    for a model with its weights, such as `rvd-mean`, which has all of them otherwise."""
