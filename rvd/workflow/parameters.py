"""Parameters of the notebooks: the files that they show, and what these are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rvd.datasets.simulation.config import SimulationConfig
from rvd.experiment.experiment import ExperimentConfig

# Pixels per side to which runs are averaged before each of their clips is compared with each other.
COMPARED_SIZE = 32


def shedding_periods(experiment: ExperimentConfig) -> dict[str, float]:
    """Return the expected shedding period, in frames, of each simulated dataset of the run."""
    datasets = {name: experiment.datasets[name] for name in experiment.run.datasets}
    return {
        name: dataset.shedding_period
        for name, dataset in datasets.items()
        if isinstance(dataset, SimulationConfig)
    }


def simulation_parameters(
    experiment: ExperimentConfig, dataset: str, runs: Sequence[str]
) -> dict[str, Any]:
    """Return the parameters of the notebook on a simulated dataset's runs.

    Args:
        experiment: The config.
        dataset: Name of a simulated dataset.
        runs: Paths of its runs.

    Returns:
        ``runs``; ``columns``, the part of the domain that is shown; ``pool``, the side in cells of
        the squares that are averaged, for pictures of about 32 pixels; and ``clip``, the frames of
        a test clip.

    Raises:
        TypeError: The dataset is not simulated.
    """
    described = experiment.datasets[dataset]
    if not isinstance(described, SimulationConfig):
        raise TypeError(f"{dataset} is not simulated")
    coarser = math.gcd(described.size, max(described.size // COMPARED_SIZE, 1))
    return {
        "runs": list(runs),
        "columns": list(described.columns),
        "pool": described.pool * coarser,
        "clip": experiment.evaluation.context + described.horizon,
    }


def result_parameters(
    experiment: ExperimentConfig, files: Mapping[str, Sequence[Path]]
) -> dict[str, Any]:
    """Return the parameters of the notebooks on results.

    Args:
        experiment: The config.
        files: Paths of ``samples``, ``scores``, ``curves`` and ``tables``. The name of a table's
            file is that of the table.

    Returns:
        Absolute paths, since a notebook runs elsewhere: lists, and for the tables a mapping by
        name. With them ``periods``, the shedding periods in frames, and ``thresholds``, those of
        the reliability diagrams in grey levels.
    """
    lists = {
        kind: [str(path.absolute()) for path in files[kind]]
        for kind in ("samples", "scores", "curves")
    }
    tables = {path.stem: str(path.absolute()) for path in files["tables"]}
    return {
        **lists,
        "tables": tables,
        "periods": shedding_periods(experiment),
        "thresholds": list(experiment.evaluation.exceedance_thresholds),
    }
