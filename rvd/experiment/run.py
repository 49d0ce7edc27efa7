"""The scope of a run: datasets, models and seeds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt

from rvd.config.section import Name, Section

Seeds = Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]


class RunConfig(Section):
    """The scope of a run: names of ``datasets`` and ``models``, and the seeds of training.

    ``seeds_of`` gives models seeds of their own in place of ``seeds``.
    """

    datasets: tuple[Name, ...] = Field(min_length=1)
    models: tuple[Name, ...] = Field(min_length=1)
    seeds: Seeds
    seeds_of: dict[Name, Seeds] = Field(default_factory=dict)
