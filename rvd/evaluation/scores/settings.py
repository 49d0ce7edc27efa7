"""From the config to the settings of a scoring."""

from __future__ import annotations

from pathlib import Path

from rvd.datasets.simulation.config import SimulationConfig
from rvd.errors import UserError
from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.experiment.experiment import ExperimentConfig
from rvd.metrics.entry import ScoreSettings


def settings_for(
    experiment: ExperimentConfig, file: EnsembleFile, features: Path | None
) -> ScoreSettings:
    """Return the settings by which ``experiment`` scores an ensemble file.

    Args:
        experiment: The config.
        file: An open ensemble file.
        features: Folder where I3D's features are stored; None stores none.

    Raises:
        UserError: The file belongs to another dataset, or has other context or future frames.
    """
    evaluation, name = experiment.evaluation, file.info.dataset
    if name not in experiment.datasets:
        known = ", ".join(sorted(experiment.datasets))
        raise UserError(f"{file.path}: is of the dataset '{name}'; the config has {known}")
    dataset = experiment.datasets[name]
    found, wanted = (file.shape.context, file.shape.horizon), (evaluation.context, dataset.horizon)
    if found != wanted:
        raise UserError(
            f"{file.path}: has {found[0]} context and {found[1]} future frames, but the config "
            f"has {wanted[0]} and {wanted[1]} for '{name}'"
        )
    return ScoreSettings(
        evaluation.metrics,
        Path(experiment.root) / evaluation.weights,
        evaluation.lpips_network,
        evaluation.fvd_protocols,
        features,
        dataset.flow if isinstance(dataset, SimulationConfig) else None,
        evaluation.exceedance_thresholds,
    )
