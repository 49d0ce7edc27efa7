"""The Fréchet video distance by one or several protocols, each with its floor and interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rvd.errors import UserError
from rvd.metrics.base import Clip, EnsembleShape, Metric, Score
from rvd.metrics.entry import EvaluationSettings, MetricEntry, NotComputed, ScoredEnsemble
from rvd.metrics.labels import ScoreLabel

if TYPE_CHECKING:
    from rvd.metrics.networks.features import CachedFeatures

FEW = 256  # clips below which a distance is not to be compared with published ones


@dataclass(frozen=True)
class FvdProtocol:
    """The number of clips that are compared, and the frames of each.

    Attributes:
        name: Name in the scores.
        chosen_by: Name in ``evaluation.fvd_protocols`` of the config.
        least: Fewest clips; fewer are refused.
        most: Most clips; further ones are left out. None for all.
        context: True where the context frames precede the future, in real and generated clips.
    """

    name: str
    chosen_by: str
    least: int
    most: int | None
    context: bool

    def clips(self, available: int) -> int:
        """Return how many of the available clips are compared."""
        return min(available, self.most or available)

    def why_not(self, available: int, context: int, horizon: int) -> str | None:
        """Return the reason why there is no distance, or None.

        Args:
            available: Number of clips.
            context: Number of context frames.
            horizon: Number of future frames.
        """
        from rvd.metrics.networks.i3d import SHORTEST

        frames = horizon + (context if self.context else 0)
        if frames < SHORTEST:
            return f"I3D needs {SHORTEST} frames, a clip has {frames}"
        if available < self.least:
            return f"needs {self.least} clips, there are {available}"
        return None

    def words(self, available: int, context: int, horizon: int) -> str:
        """Return the protocol in words, for the column of the scores.

        Args:
            available: Number of clips.
            context: Number of context frames.
            horizon: Number of future frames.
        """
        from rvd.metrics.networks.i3d import SIZE

        frames = f"{context} context and " if self.context else ""
        count = self.clips(available)
        few = f"; N < {FEW}: compare within this table only" if count < FEW else ""
        return (
            f"N = {count} clips of {frames}{horizon} future frames, one member each, against as "
            f"many real; I3D of Kinetics-400, 400 logits, float32, bilinear to {SIZE} × {SIZE} "
            f"(half-pixel centres, no antialiasing){few}"
        )


PAPER = FvdProtocol("fvd", "paper", 2, 50, context=False)
STANDARD = FvdProtocol("fvd_standard", "standard", FEW, None, context=False)
WITH_CONTEXT = FvdProtocol("fvd_standard_context", "standard", FEW, None, context=True)
PROTOCOLS = (PAPER, STANDARD, WITH_CONTEXT)


class VideoDistances:
    """FVD by one or several protocols, of the first member of each clip.

    Args:
        protocols: Protocols that the clips are long and many enough for.
        shape: Shape of the ensemble file.
        features: Source of I3D's features.
    """

    def __init__(
        self, protocols: Sequence[FvdProtocol], shape: EnsembleShape, features: CachedFeatures
    ) -> None:
        self.protocols, self.shape, self.features = protocols, shape, features
        self.chosen = {p.name: set(spread(shape.clips, p.clips(shape.clips))) for p in protocols}
        self.found: dict[str, list[NDArray[np.float32]]] = {p.name: [] for p in protocols}
        self.clip = 0

    def update(self, clip: Clip) -> None:
        """Compute, or look up, the features of the clip and of its first forecast."""
        for protocol in self.protocols:
            if self.clip in self.chosen[protocol.name]:
                pair = [clip.truth, clip.samples[0]]
                if protocol.context:
                    pair = [np.concatenate([clip.context, future]) for future in pair]
                self.found[protocol.name].append(self.features.extract(np.stack(pair), clip.white))
        self.clip += 1

    def compute(self) -> Iterator[Score]:
        """Yield the distance with its interval, then the floor, for each protocol."""
        from rvd.metrics.functional.frechet import frechet_distance, interval

        self.features.store()
        for protocol in self.protocols:
            real, generated = np.stack(self.found[protocol.name], axis=1)
            words = protocol.words(self.shape.clips, self.shape.context, self.shape.horizon)
            value = frechet_distance(real, generated)
            low, high = interval(real, generated)
            yield Score(protocol.name, None, value, len(real), 1, words, low, high)
            yield _floor(protocol, real)


def _floor(protocol: FvdProtocol, real: NDArray[np.float32]) -> Score:
    from rvd.metrics.functional.frechet import SPLITS, floor

    name, count = f"{protocol.name}_floor", len(real)
    if count < 4:
        return Score(name, None, np.nan, count, 1, "", note="needs 4 clips to split")
    value, half = floor(real, count)
    words = f"{half} real clips against {half} other real ones, mean over {SPLITS} splits"
    return Score(name, None, value, count, 1, words)


def spread(available: int, count: int) -> list[int]:
    """Return ``count`` of the numbers 0 … ``available`` − 1, each once, evenly spread."""
    return [place * available // count for place in range(count)]


def video_distances(ensemble: ScoredEnsemble) -> VideoDistances:
    """Return FVD by the protocols of the settings that the ensemble allows.

    Raises:
        UserError: I3D's weights are missing or faulty.
    """
    from rvd.metrics.networks.features import CachedFeatures

    settings = ensemble.settings
    features = CachedFeatures(settings.weights / "i3d.safetensors", settings.features)
    possible = [protocol for protocol, reason in _asked(ensemble) if reason is None]
    return VideoDistances(possible, ensemble.shape, features)


class FvdEntry(MetricEntry):
    """The entry of FVD, with one row per protocol that cannot be computed."""

    def open(self, ensemble: ScoredEnsemble) -> Iterator[Metric]:
        """Yield the reasons of the protocols that cannot be computed, then the metric."""
        possible = []
        for protocol, reason in _asked(ensemble):
            if reason is None:
                possible.append(protocol)
            else:
                yield NotComputed(protocol.name, reason, ensemble.shape)
        if not possible:
            return
        try:
            yield self.build(ensemble)
        except UserError as error:
            for protocol in possible:
                yield NotComputed(protocol.name, str(error), ensemble.shape)


def _asked(ensemble: ScoredEnsemble) -> Iterator[tuple[FvdProtocol, str | None]]:
    """Yield the protocols of the settings, each with the reason why it cannot be computed."""
    shape = ensemble.shape
    for protocol in PROTOCOLS:
        if protocol.chosen_by in ensemble.settings.fvd_protocols:
            yield protocol, protocol.why_not(shape.clips, shape.context, shape.horizon)


def _networks(settings: EvaluationSettings) -> tuple[str, ...]:
    return ("i3d",)


ENTRIES = (
    FvdEntry(
        name="fvd",
        scores={
            "fvd": ScoreLabel("FVD", 0, paper_column=1),
            "fvd_floor": ScoreLabel("FVD floor", 0),
            "fvd_standard": ScoreLabel("FVD (standard)", 0),
            "fvd_standard_floor": ScoreLabel("FVD (standard) floor", 0),
            "fvd_standard_context": ScoreLabel("FVD (standard, with context)", 0),
            "fvd_standard_context_floor": ScoreLabel("FVD (standard, with context) floor", 0),
        },
        build=video_distances,
        networks=_networks,
        fetchers={"i3d": "rvd.metrics.networks.i3d_weights:fetch_i3d"},
    ),
)
