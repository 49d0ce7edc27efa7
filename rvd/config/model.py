"""The base class of the config sections of all models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from rvd.config.section import Section


class ModelConfig(Section):
    """A model of the experiment; each `kind` is a subclass."""

    # Declared as a Literal by each subclass. A field here would come first in the JSON of all
    # sections, and so change the texts that Snakemake compares for reruns.
    if TYPE_CHECKING:
        kind: str

    @classmethod
    def expand(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return ``values`` of such a section with its shorthands written out in full.

        Called before sections are merged by ``like``, so that a change of one key of what the
        shorthand stands for finds the others there.
        """
        return values

    @property
    def is_trained(self) -> bool:
        """True where this experiment trains the model."""
        return False

    @property
    def is_imported(self) -> bool:
        """True where the model's predictor file comes from elsewhere."""
        return False

    def local_files(self, dataset: str) -> Sequence[str]:
        """Return the files or folders that forecasts on ``dataset`` are read from, if any."""
        return ()

    def predictor_of(self, name: str) -> str | None:
        """Return the name of the model whose predictor file this one reads, or None.

        Args:
            name: The name of this section in ``models``.
        """
        return name if self.is_trained or self.is_imported else None

    def is_tested_on(self, dataset: str) -> bool:
        """Return True where the model is sampled and scored on ``dataset``."""
        return True

    def on_dataset(self, dataset: str) -> Self:
        """Return the section as it is on ``dataset``."""
        return self

    def sampling_fingerprint(self) -> dict[str, Any]:
        """Return the values that forecasts depend on besides the trained weights."""
        return self.model_dump(mode="json")

    def errors(
        self, models: Mapping[str, ModelConfig], datasets: Mapping[str, Any]
    ) -> Iterator[str]:
        """Yield a line for each error in the section's references to other sections.

        Args:
            models: All models of the experiment.
            datasets: All datasets of the experiment.

        Yields:
            ``<key>: <error>``, without the section's own name.
        """
        yield from ()

    def budget(self) -> list[str]:
        """Return the costs of training and sampling in words, for captions: each of one kind."""
        return []

    @property
    def origin(self) -> str:
        """Source of the predictor file; empty for a model that is not imported."""
        return ""

    def why_not(self, size: int, context: int) -> str | None:
        """Return the reason why the model cannot forecast, or None.

        Args:
            size: Height and width of the frames, in pixels.
            context: Number of context frames.
        """
        return None
