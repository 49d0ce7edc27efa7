"""The programs that record trainings."""

from __future__ import annotations

from typing import Literal

from rvd.config.section import Name, Section

TrackerName = Literal["wandb", "mlflow"]


class TrackingConfig(Section):
    """Programs that record trainings, in addition to TensorBoard's files, which are always written.

    Weights and results do not depend on them, and nothing is sent unless the environment variables
    of a program say so (`docs/tracking.md`).
    """

    trackers: tuple[TrackerName, ...] = ()
    """Trackers to which each training sends the entries of its journal and its pictures of
    validation forecasts: `wandb` (Weights & Biases), `mlflow`. They need `pip install
    'rvd[trackers]'`."""
    project: Name = "rvd"
    """Project of Weights & Biases, and experiment of MLflow, that the trainings are runs of."""
