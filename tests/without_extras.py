# ruff: noqa: E402 (imports come after what refuses some of them)
"""Forecast a film and score an ensemble without the packages of the extras.

Arguments: a folder, the names that cannot be imported, and the modules that are not imported.
"""

import importlib
import json
import pkgutil
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])
BLOCKED, SKIPPED = json.loads(sys.argv[2]), json.loads(sys.argv[3])


class Blocked:
    """A finder before all others, which finds none of the blocked packages."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)


def import_all(*packages):
    for package in packages:
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if found.name not in SKIPPED and not found.name.endswith("__main__"):
                importlib.import_module(found.name)


sys.meta_path.insert(0, Blocked())
import imageio.v3 as iio
import numpy as np
import yaml

import lbm
import rvd

import_all(lbm, rvd)
from rvd.cli import app, main
from rvd.models.files import save
from rvd.models.registry import build
from tests.ensembles import write_results
from tests.tiny import SIZE, config, experiment, moving_squares


def verb(*arguments):
    app([str(argument) for argument in arguments], standalone_mode=False)


save(build(experiment().models["rvd"], SIZE, 1), FOLDER / "predictor.safetensors", {})
frames = moving_squares(6, SIZE, dtype=np.uint8)
iio.imwrite(FOLDER / "film.gif", frames.repeat(3, -1), duration=100)
predictor = f"--predictor={FOLDER / 'predictor.safetensors'}"
verb("predict", FOLDER / "film.gif", predictor, f"--output={FOLDER / 'out.h5'}", "--horizon=2")

settings = config(root=str(FOLDER))
settings["evaluation"]["context"] = 4
(FOLDER / "config.yaml").write_text(yaml.safe_dump(settings))
given = f"--config={FOLDER / 'config.yaml'}"
(samples,) = write_results(FOLDER, models=("rvd",), horizon=3).samples
verb("score", samples, f"--output={FOLDER / 'scored.csv'}", given)
print("forecast and scored")
main(["render", "notebook.ipynb", f"--output={FOLDER / 'out'}", given])
