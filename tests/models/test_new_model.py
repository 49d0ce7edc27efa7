"""A new model is one package and one line in the registry; all commands then know it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors import safe_open

from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from tests.tiny import SIZE, config, write_squares

PACKAGE = Path(__file__).parents[2] / "rvd"
LAST_LINE = '    "rvd.models.baselines:PERSISTENCE",\n'

INIT = """
from rvd.models.entry import ModelEntry
from rvd.models.toy.config import ToyConfig

ENTRY = ModelEntry("toy", ToyConfig, "rvd.models.toy.model:Toy", labels={"toy": "Toy"})
"""
CONFIG = '''
from typing import Literal

from rvd.config.trained import TrainedModelConfig


class ToyConfig(TrainedModelConfig):
    """The last frame, scaled."""

    kind: Literal["toy"]
    initial: float = 0.5
'''
MODEL = '''
import torch
from torch import nn

from rvd.models.base import VideoPredictor, repeated


class Toy(VideoPredictor):
    """The last frame, times a learned factor."""

    def __init__(self, config, size, channels):
        super().__init__(config, size, channels)
        self.factor = nn.Parameter(torch.tensor(config.initial))

    def forward(self, video, player="model"):
        known = self.config.training.context
        error = self.factor * video[:, known - 1 : known] - video[:, known:]
        return {"loss": error.square().mean()}

    @torch.no_grad()
    def predict(self, context, horizon, ensemble, noise):
        still = (self.factor * context[:, -1:]).clamp(0, 1)
        return repeated(still.expand(-1, horizon, *context.shape[2:]), ensemble)
'''


@pytest.fixture
def source(tmp_path):
    """A copy of the source with the model ``toy``."""
    ignored = shutil.ignore_patterns("__pycache__")
    copy = shutil.copytree(PACKAGE, tmp_path / "source" / "rvd", ignore=ignored)
    toy = copy / "models" / "toy"
    toy.mkdir()
    for name, text in {"__init__": INIT, "config": CONFIG, "model": MODEL}.items():
        (toy / f"{name}.py").write_text(text)
    registry = copy / "models" / "registry.py"
    text = registry.read_text()
    assert LAST_LINE in text
    registry.write_text(text.replace(LAST_LINE, f'{LAST_LINE}    "rvd.models.toy:ENTRY",\n'))
    return copy.parent


@pytest.mark.slow
def test_a_new_model_is_trained_saved_loaded_and_sampled(source, tmp_path):
    values = config()
    training = values["models"]["rvd"]["training"] | {"steps": 2}
    values["models"] = {"toy": {"kind": "toy", "training": training}}
    values["run"] |= {"models": ["toy"]}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(values))
    write_squares(tmp_path / "squares.h5")

    def rvd(verb, *options):
        command = [sys.executable, "-m", "rvd", verb, "--config=tiny.yaml", "--dataset=simulation"]
        command += ["--model=toy", "--seed=0", "--videos=squares.h5", *options]
        environment = os.environ | {"PYTHONPATH": str(source)}
        run = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr[-2000:]

    rvd("train", "--checkpoints=checkpoints", "--output=toy.safetensors", "--curve=curve.csv")
    with safe_open(tmp_path / "toy.safetensors", "np") as file:
        factor = file.get_tensor("factor")
    assert factor != pytest.approx(0.5)
    rvd("sample", "--predictor=toy.safetensors", "--output=samples.h5")
    with EnsembleFile(tmp_path / "samples.h5") as file:
        samples, context = file.samples[0], file.context[0]
    assert samples.shape == (3, 3, SIZE, SIZE, 1)
    expected = np.broadcast_to(np.clip(factor * context[-1], 0, 1), samples.shape)
    np.testing.assert_allclose(samples, expected, rtol=1e-6)
