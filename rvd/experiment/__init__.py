"""The experiment as one frozen, validated description (documented in ``config/README.md``).

Nothing here imports torch, so that the workflow can be read, and an error refused, in a moment.
"""

from rvd.config.section import ConfigError
from rvd.experiment.experiment import ExperimentConfig
from rvd.experiment.loading import experiment_from_mapping, load_experiment

__all__ = ["ConfigError", "ExperimentConfig", "experiment_from_mapping", "load_experiment"]
