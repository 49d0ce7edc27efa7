"""config/README.md describes every key, in the section where it belongs, and no other."""

import html
import re
from pathlib import Path

import pytest

from lbm.config import VortexStreetConfig
from rvd.config.compute import ComputeConfig
from rvd.config.training import AverageConfig, LearningRateConfig, PlayerConfig, TrainingConfig
from rvd.datasets.bair.config import BairConfig
from rvd.datasets.cityscapes.config import CityscapesConfig
from rvd.datasets.download.config import DownloadConfig, RemoteFileConfig
from rvd.datasets.folder.config import FolderConfig, SharesConfig
from rvd.datasets.kth.config import KthConfig
from rvd.datasets.simulation.config import RunsConfig, SimulationConfig
from rvd.diffusion.config import ObjectiveConfig, SamplerConfig
from rvd.experiment.evaluation import EvaluationConfig
from rvd.experiment.experiment import ExperimentConfig
from rvd.experiment.gallery import GalleryConfig
from rvd.experiment.run import RunConfig
from rvd.models.baselines.config import AnalogueConfig, MeanConfig, PersistenceConfig
from rvd.models.dvd_gan.config import DvdGanConfig
from rvd.models.future_gan.config import FutureGanConfig, LevelConfig
from rvd.models.ivrnn.config import IvrnnConfig, IvrnnNetworkConfig
from rvd.models.pretrained.config import PretrainedConfig
from rvd.models.retro_gan.config import RetroGanConfig, RetroGanLossConfig
from rvd.models.rvd.config import RvdConfig, RvdNetworkConfig
from rvd.models.svg_lp.config import SvgLpConfig, SvgLpNetworkConfig

TEXT = (Path(__file__).parents[2] / "config" / "README.md").read_text()

SECTIONS = {
    "(top level)": ExperimentConfig,
    "run": RunConfig,
    "datasets.<name> of reader simulation": SimulationConfig,
    "datasets.<name> of reader kth": KthConfig,
    "datasets.<name> of reader bair": BairConfig,
    "datasets.<name> of reader cityscapes": CityscapesConfig,
    "datasets.<name> of reader folder": FolderConfig,
    "datasets.<name>.shares": SharesConfig,
    "datasets.<name>.download": DownloadConfig,
    "datasets.<name>.download.files.<file>": RemoteFileConfig,
    "datasets.<name>.flow": VortexStreetConfig,
    "datasets.<name>.runs.<split>": RunsConfig,
    "models.<name> of kind rvd": RvdConfig,
    "models.<name>.networks.<size>": RvdNetworkConfig,
    "models.<name>.objective": ObjectiveConfig,
    "models.<name>.sampler": SamplerConfig,
    "models.<name>.training": TrainingConfig,
    "models.<name>.training.players.<player>": PlayerConfig,
    "models.<name>.training.learning_rate": LearningRateConfig,
    "models.<name>.training.average": AverageConfig,
    "models.<name> of kind future-gan": FutureGanConfig,
    "models.<name>.levels.<resolution>": LevelConfig,
    "models.<name> of kind dvd-gan": DvdGanConfig,
    "models.<name> of kind svg-lp": SvgLpConfig,
    "models.<name>.networks.<size> of kind svg-lp": SvgLpNetworkConfig,
    "models.<name> of kind retrospective-cycle-gan": RetroGanConfig,
    "models.<name>.loss of kind retrospective-cycle-gan": RetroGanLossConfig,
    "models.<name> of kind ivrnn": IvrnnConfig,
    "models.<name>.networks.<size> of kind ivrnn": IvrnnNetworkConfig,
    "models.<name> of kind mean": MeanConfig,
    "models.<name> of kind persistence": PersistenceConfig,
    "models.<name> of kind analogue": AnalogueConfig,
    "models.<name> of kind pretrained": PretrainedConfig,
    "evaluation": EvaluationConfig,
    "compute": ComputeConfig,
    "gallery": GalleryConfig,
}
FROM_RUNS = {"reynolds", "offset", "frames"}


def documented():
    found = {}
    for block in TEXT.split("\n## ")[1:]:
        title, _, body = block.partition("\n")
        rows = re.findall(r"^\| (`[^|]*`) \| [^|]+ \| [^|]* \|$", body, re.MULTILINE)
        found[html.unescape(title)] = {key for row in rows for key in re.findall(r"`(.+?)`", row)}
    return found


def test_every_section_is_described():
    assert documented().keys() == SECTIONS.keys()


@pytest.mark.parametrize("title", SECTIONS)
def test_every_key_is_described(title):
    keys = set(SECTIONS[title].model_fields)
    if SECTIONS[title] is VortexStreetConfig:
        keys -= FROM_RUNS
    assert documented()[title] == keys
