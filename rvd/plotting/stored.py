"""One test clip with each model's forecasts, read from the ensemble files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rvd.errors import UserError
from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.models.registry import in_order
from rvd.video.file import VideoInfo


@dataclass(frozen=True)
class ClipForecasts:
    """A test clip and its forecasts, as stored (uint8, or float32 in [0, 1]).

    Attributes:
        dataset: Name of the dataset.
        video: Name of the clip's video.
        start: First context frame in the video.
        info: Metadata of the video file.
        context: Context, (context frame, height, width, channel).
        truth: Truth, (future frame, height, width, channel).
        members: Forecasts of each model, (member, future frame, height, width, channel).
    """

    dataset: str
    video: str
    start: int
    info: VideoInfo
    context: NDArray[Any]
    truth: NDArray[Any]
    members: Mapping[str, NDArray[Any]]

    @property
    def models(self) -> list[str]:
        """The models, in the order in which they are shown."""
        return in_order(self.members)

    @property
    def horizon(self) -> int:
        """The number of forecast frames."""
        return len(self.truth)


@dataclass(frozen=True)
class StoredEnsembles:
    """The ensemble file of each model's forecasts of one dataset, and their number of clips."""

    dataset: str
    clips: int
    paths: Mapping[str, Path]

    def clip(self, index: int, members: int | None = None) -> ClipForecasts:
        """Return the clip at ``index``, with at most the first ``members`` of each ensemble.

        Raises:
            UserError: There is no such clip, or the models' files hold different clips.
        """
        if not 0 <= index < self.clips:
            raise UserError(f"{self.dataset}: there is no clip {index}; there are {self.clips}")
        found: dict[str, NDArray[Any]] = {}
        first: ClipForecasts | None = None
        for model, path in self.paths.items():
            with EnsembleFile(path) as file:
                found[model] = file.samples[index, :members]
                this = ClipForecasts(
                    self.dataset,
                    file.videos[index],
                    file.starts[index],
                    file.info.video,
                    file.context[index],
                    file.truth[index],
                    found,
                )
            first = first or this
            same = (this.video, this.start) == (first.video, first.start)
            if not (same and np.array_equal(this.truth, first.truth)):
                raise UserError(
                    f"{path}: its clip {index} ({this.video} from frame {this.start}) is not the "
                    f"one of the other models ({first.video} from frame {first.start})"
                )
        if first is None:
            raise UserError(f"{self.dataset}: there are no samples")
        return first


def stored_ensembles(paths: Iterable[Path]) -> dict[str, StoredEnsembles]:
    """Return the ensemble files by dataset; of a model with several seeds, the lowest seed's.

    Raises:
        UserError: A file is faulty, or two models of a dataset forecast different numbers of clips.
    """
    found: dict[str, dict[str, tuple[int, Path]]] = {}
    clips: dict[str, tuple[int, Path]] = {}
    for path in map(Path, paths):
        with EnsembleFile(path) as file:
            info, count = file.info, file.shape.clips
        before, where = clips.setdefault(info.dataset, (count, path))
        if count != before:
            raise UserError(f"{path}: holds {count} clips, {where} holds {before}")
        seeds = found.setdefault(info.dataset, {})
        if info.model not in seeds or info.seed < seeds[info.model][0]:
            seeds[info.model] = (info.seed, path)
    return {
        dataset: StoredEnsembles(
            dataset,
            clips[dataset][0],
            {model: seeds[model][1] for model in in_order(seeds)},
        )
        for dataset, seeds in found.items()
    }


def distinct(members: NDArray[Any]) -> NDArray[Any]:
    """Return ``members``, or one of them where all are equal, as for a deterministic model."""
    return members[:1] if (members == members[:1]).all() else members
