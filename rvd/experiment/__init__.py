"""The experiment as one frozen, validated description, with its files and its reference.

Nothing here imports torch, so that the workflow can be read, and an error refused, in a moment.
"""

from rvd.config.errors import ConfigError
from rvd.experiment.experiment import ExperimentConfig
from rvd.experiment.loading import experiment_from_mapping, load_experiment

__all__ = ["ConfigError", "ExperimentConfig", "experiment_from_mapping", "load_experiment"]
