"""config/README.md describes every key, in the section where it belongs, and no other."""

import html
import re
from pathlib import Path

import pytest

from lbm.config import VortexStreet
from rvd import config
from rvd.config.datasets import Runs, Shares
from rvd.config.experiment import Compute, Gallery, Run

TEXT = (Path(__file__).parents[2] / "config" / "README.md").read_text()

SECTIONS = {
    "(top level)": config.Experiment,
    "run": Run,
    "datasets.<name> of reader simulation": config.SimulationDataset,
    "datasets.<name> of reader kth": config.KthDataset,
    "datasets.<name> of reader bair": config.BairDataset,
    "datasets.<name> of reader cityscapes": config.CityscapesDataset,
    "datasets.<name> of reader folder": config.FolderDataset,
    "datasets.<name>.shares": Shares,
    "datasets.<name>.download": config.Download,
    "datasets.<name>.download.files.<file>": config.RemoteFile,
    "datasets.<name>.flow": VortexStreet,
    "datasets.<name>.runs.<split>": Runs,
    "models.<name> of kind rvd": config.ResidualDiffusion,
    "models.<name>.networks.<size>": config.Network,
    "models.<name>.objective": config.Objective,
    "models.<name>.sampler": config.Sampler,
    "models.<name>.training": config.Training,
    "models.<name>.training.players.<player>": config.Player,
    "models.<name>.training.learning_rate": config.LearningRate,
    "models.<name>.training.average": config.ExponentialAverage,
    "models.<name> of kind future-gan": config.FutureGan,
    "models.<name>.levels.<resolution>": config.Level,
    "models.<name> of kind dvd-gan": config.DvdGan,
    "models.<name> of kind svg-lp": config.SvgLp,
    "models.<name>.networks.<size> of kind svg-lp": config.VggNetwork,
    "models.<name> of kind retrospective-cycle-gan": config.RetrospectiveCycleGan,
    "models.<name>.loss of kind retrospective-cycle-gan": config.CycleLoss,
    "models.<name> of kind ivrnn": config.Ivrnn,
    "models.<name>.networks.<size> of kind ivrnn": config.HierarchicalNetwork,
    "models.<name> of kind mean": config.MeanOf,
    "models.<name> of kind persistence": config.Persistence,
    "models.<name> of kind analogue": config.Analogue,
    "models.<name> of kind pretrained": config.Pretrained,
    "evaluation": config.Evaluation,
    "compute": Compute,
    "gallery": Gallery,
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
    if SECTIONS[title] is VortexStreet:
        keys -= FROM_RUNS
    assert documented()[title] == keys
