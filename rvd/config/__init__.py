"""The experiment as one frozen, validated description (documented in ``config/README.md``).

Nothing here imports torch, so that the workflow can be read, and a mistake refused, in a moment.
"""

from rvd.config.datasets import (
    BairDataset,
    CityscapesDataset,
    Dataset,
    Download,
    DownloadedDataset,
    FolderDataset,
    KthDataset,
    RemoteFile,
    SimulationDataset,
    VideoDataset,
)
from rvd.config.dvd_gan import DvdGan
from rvd.config.experiment import (
    Compute,
    Evaluation,
    Experiment,
    experiment_from_mapping,
    load_experiment,
)
from rvd.config.future_gan import FutureGan, Growth, Level
from rvd.config.ivrnn import HierarchicalNetwork, Ivrnn
from rvd.config.models import Model
from rvd.config.pretrained import Pretrained
from rvd.config.residual_diffusion import Network, Objective, ResidualDiffusion, Sampler
from rvd.config.retrospective_cycle_gan import CycleLoss, RetrospectiveCycleGan
from rvd.config.section import ConfigError, Section
from rvd.config.svg_lp import SvgLp, VggNetwork
from rvd.config.trained import Stage, TrainedModel
from rvd.config.training import ExponentialAverage, LearningRate, Player, Training
from rvd.config.untrained import Analogue, MeanOf, Persistence

__all__ = [
    "Analogue",
    "BairDataset",
    "CityscapesDataset",
    "Compute",
    "ConfigError",
    "CycleLoss",
    "Dataset",
    "Download",
    "DownloadedDataset",
    "DvdGan",
    "Evaluation",
    "Experiment",
    "ExponentialAverage",
    "FolderDataset",
    "FutureGan",
    "Growth",
    "HierarchicalNetwork",
    "Ivrnn",
    "KthDataset",
    "LearningRate",
    "Level",
    "MeanOf",
    "Model",
    "Network",
    "Objective",
    "Persistence",
    "Player",
    "Pretrained",
    "RemoteFile",
    "ResidualDiffusion",
    "RetrospectiveCycleGan",
    "Sampler",
    "Section",
    "SimulationDataset",
    "Stage",
    "SvgLp",
    "TrainedModel",
    "Training",
    "VggNetwork",
    "VideoDataset",
    "experiment_from_mapping",
    "load_experiment",
]
