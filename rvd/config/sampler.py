"""The base class of the config sections of samplers, which are chosen on validation videos."""

from __future__ import annotations

from rvd.config.section import Section


class AnySamplerConfig(Section):
    """A sampler of a trained model. A change of it does not repeat the training."""

    @property
    def name(self) -> str:
        """Name of the sampler in tables."""
        raise NotImplementedError

    def details(self) -> dict[str, float | None]:
        """Return the other columns that describe it in the table of costs, ``clip`` among them."""
        raise NotImplementedError
