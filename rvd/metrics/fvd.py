"""FVD as a metric of the scorer: its protocols, floor and interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rvd.evaluation.ensembles.ensemble_file import EnsembleShape
from rvd.metrics.base import Clip, Score
from rvd.metrics.functional.frechet import SPLITS, FvdProtocol, floor, frechet_distance, interval
from rvd.metrics.networks.features import CachedFeatures


class VideoDistances:
    """FVD by one or several protocols, of the first member of each clip.

    Args:
        protocols: that the clips are long and many enough for.
        shape: of the ensemble file.
        features: where I3D's features come from.
    """

    def __init__(
        self, protocols: Sequence[FvdProtocol], shape: EnsembleShape, features: CachedFeatures
    ) -> None:
        self.protocols, self.shape, self.features = protocols, shape, features
        self.chosen = {p.name: set(spread(shape.clips, p.clips(shape.clips))) for p in protocols}
        self.found: dict[str, list[NDArray[np.float32]]] = {p.name: [] for p in protocols}
        self.clip = 0

    def add(self, clip: Clip) -> None:
        """Compute (or remember) the features of the clip and of its first forecast."""
        for protocol in self.protocols:
            if self.clip in self.chosen[protocol.name]:
                pair = [clip.truth, clip.samples[0]]
                if protocol.context:
                    pair = [np.concatenate([clip.context, future]) for future in pair]
                self.found[protocol.name].append(self.features.of(np.stack(pair), clip.white))
        self.clip += 1

    def scores(self) -> Iterator[Score]:
        """For each protocol the distance with its interval, and the floor."""
        self.features.keep()
        for protocol in self.protocols:
            real, generated = np.stack(self.found[protocol.name], axis=1)
            words = protocol.words(self.shape.clips, self.shape.context, self.shape.horizon)
            value = frechet_distance(real, generated)
            low, high = interval(real, generated)
            yield Score(protocol.name, None, value, len(real), 1, words, low, high)
            yield self._floor(protocol, real)

    def _floor(self, protocol: FvdProtocol, real: NDArray[np.float32]) -> Score:
        name, count = f"{protocol.name}_floor", len(real)
        if count < 4:
            return Score(name, None, np.nan, count, 1, "", note="needs 4 clips to split")
        value, half = floor(real, count)
        words = f"{half} real clips against {half} other real ones, mean over {SPLITS} splits"
        return Score(name, None, value, count, 1, words)


def spread(available: int, count: int) -> list[int]:
    """``count`` of the numbers 0 … ``available`` − 1, each once, evenly spread."""
    return [place * available // count for place in range(count)]
