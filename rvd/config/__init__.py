"""The experiment as one frozen, validated description (documented in ``config/README.md``).

Nothing here imports torch, so that the workflow can be read, and a mistake refused, in a moment.
"""

from rvd.config.datasets import Dataset, SimulationDataset
from rvd.config.experiment import (
    Evaluation,
    Experiment,
    experiment_from_mapping,
    load_experiment,
)
from rvd.config.models import (
    Analogue,
    MeanOf,
    Model,
    Network,
    Objective,
    Persistence,
    ResidualDiffusion,
    Sampler,
)
from rvd.config.section import ConfigError, Section
from rvd.config.training import ExponentialAverage, LearningRate, Training

__all__ = [
    "Analogue",
    "ConfigError",
    "Dataset",
    "Evaluation",
    "Experiment",
    "ExponentialAverage",
    "LearningRate",
    "MeanOf",
    "Model",
    "Network",
    "Objective",
    "Persistence",
    "ResidualDiffusion",
    "Sampler",
    "Section",
    "SimulationDataset",
    "Training",
    "experiment_from_mapping",
    "load_experiment",
]
