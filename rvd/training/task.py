"""The description of one training."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rvd.config.tracking import TrackingConfig


@dataclass(frozen=True)
class TrainingTask:
    """Data, state and outputs of one training.

    Attributes:
        name: Name for messages, ``<dataset>/<model>``.
        video: Video file to train on.
        augmentation: Augmentation of the clips (:class:`rvd.video.clips.ClipStream`).
        seed: Seed of the training.
        stamp: All that the weights depend on besides the model's own config and the seed. A
            training is resumed only where it agrees with that of the checkpoint.
        checkpoints: Folder of checkpoints, journal and history.
        output: Predictor file to write.
        curve: CSV of the training curve to write.
        tracking: Trackers to which the journal and the pictures are sent.
    """

    name: str
    video: Path
    augmentation: str
    seed: int
    stamp: dict[str, Any]
    checkpoints: Path
    output: Path
    curve: Path
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
