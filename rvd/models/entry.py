"""Registry entries of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from rvd.config.model import ModelConfig
from rvd.plugins import owner, require_type, resolve, why_not_section

if TYPE_CHECKING:
    from rvd.models.base import VideoPredictor
    from rvd.video.file import Frames, VideoFile


@runtime_checkable
class SectionOf(Protocol):
    """A function that returns the section of another model, with its settings on the dataset."""

    def __call__(self, name: str) -> ModelConfig:
        """Return the section."""
        ...


@dataclass(frozen=True)
class ForecastTask:
    """The test clips that are to be forecast.

    Attributes:
        dataset: Name of the dataset in the config.
        context: Known frames as stored, (clip, frame, channel, height, width).
        ensemble: Number of members.
        horizon: Number of future frames.
    """

    dataset: str
    context: Frames
    ensemble: int
    horizon: int


@dataclass(frozen=True)
class ForecastSource:
    """The files and sections that a model may need to forecast a dataset.

    Attributes:
        name: The model's name in the config.
        predictor: Predictor file; None for a model that has none.
        videos: Open video file of the dataset.
        section_of: Function from the name of another model to its section.
        task: Function that returns the test clips, which few models need beforehand.
        stored: Forecasts that were made elsewhere; None takes those that the section names.
    """

    name: str
    predictor: Path | None
    videos: VideoFile
    section_of: Callable[[str], ModelConfig]
    task: Callable[[], ForecastTask] | None = None
    stored: Path | None = None


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
        package: Name and version of the package that adds the kind; empty for this project.
    """

    kind: str
    config: type[ModelConfig]
    network: str = ""
    opener: str = "rvd.models.files:open_trained"
    labels: Mapping[str, str] = field(default_factory=dict)
    package: str = ""

    def build(self, config: Any, size: int, channels: int) -> VideoPredictor:
        """Return the untrained model that ``config`` describes.

        Raises:
            UserError: The class of a plug-in cannot be imported, or is not a predictor.
        """
        return self._checked(self.network, config, size, channels)

    def open(self, config: ModelConfig, source: ForecastSource) -> VideoPredictor:
        """Return the model, ready to forecast.

        Raises:
            UserError: Its predictor file is missing or does not fit.
        """
        return self._checked(self.opener, config, source)

    def conflict(self, known: Sequence[ModelEntry]) -> str | None:
        """Return the reason why a plug-in's entry cannot join ``known``, or None."""
        for other in known:
            if other.kind == self.kind:
                return f"adds the kind '{self.kind}', which {owner(other.package)} has already"
        return why_not_section(self.config, ModelConfig, "kind", self.kind)

    def _checked(self, name: str, *arguments: Any) -> VideoPredictor:
        predictor: VideoPredictor = resolve(name, self.package)(*arguments)
        if self.package:
            from rvd.models.base import VideoPredictor as Expected

            require_type(predictor, Expected, f"'{name}'", self.package)
        return predictor
