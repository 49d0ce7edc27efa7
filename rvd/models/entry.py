"""Registry entries of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from rvd.config.model import ModelConfig

if TYPE_CHECKING:
    from rvd.models.base import VideoPredictor
    from rvd.video.file import VideoFile


@runtime_checkable
class SectionOf(Protocol):
    """A function that returns the section of another model, with its settings on the dataset."""

    def __call__(self, name: str) -> ModelConfig:
        """Return the section."""
        ...


@dataclass(frozen=True)
class ForecastSource:
    """The files and sections that a model may need to forecast a dataset.

    Attributes:
        name: The model's name in the config.
        predictor: Predictor file; None for a model that has none.
        videos: Open video file of the dataset.
        section_of: Function from the name of another model to its section.
    """

    name: str
    predictor: Path | None
    videos: VideoFile
    section_of: Callable[[str], ModelConfig]


@dataclass(frozen=True)
class ModelEntry:
    """A kind of model: its config, its code (imported when it is first used), and its labels.

    Attributes:
        kind: Value of ``kind`` in the config.
        config: Class of the section.
        network: ``module:class`` of the :class:`~rvd.models.base.VideoPredictor`, called with
            (config, size, channels); empty for a model without weights.
        opener: ``module:function`` from (config, :class:`ForecastSource`) to the model, ready to
            forecast.
        labels: Label of each section's name, in the order in which tables show them.
    """

    kind: str
    config: type[ModelConfig]
    network: str = ""
    opener: str = "rvd.models.files:open_trained"
    labels: Mapping[str, str] = field(default_factory=dict)

    def build(self, config: Any, size: int, channels: int) -> VideoPredictor:
        """Return the untrained model that ``config`` describes."""
        predictor: VideoPredictor = resolve_name(self.network)(config, size, channels)
        return predictor

    def open(self, config: ModelConfig, source: ForecastSource) -> VideoPredictor:
        """Return the model, ready to forecast.

        Raises:
            UserError: Its predictor file is missing or does not fit.
        """
        predictor: VideoPredictor = resolve_name(self.opener)(config, source)
        return predictor
