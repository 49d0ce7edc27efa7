"""The page of moving forecasts."""

from __future__ import annotations

from pydantic import PositiveFloat

from rvd.config.section import Section


class GalleryConfig(Section):
    """The page of moving forecasts."""

    megabytes: PositiveFloat = 12.0
    """Bound of the size of all films on the page, in megabytes; the page names the models that are
    left out to keep it."""
