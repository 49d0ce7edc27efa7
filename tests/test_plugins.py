"""Plug-ins of other packages: what they add, what is refused, and what they cost."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.numpy import save_file

from rvd.errors import UserError
from rvd.forecasting.clips import forecast_clips
from rvd.models import registry
from rvd.models.baselines.config import PersistenceConfig
from rvd.models.baselines.persistence import PersistenceForecast
from rvd.models.files import load, save
from rvd.models.interface import require_losses
from tests.installed import EXAMPLE, environment, python, write_package
from tests.tiny import config, write_squares

REPOSITORY = Path(__file__).parents[1]
KIND = """
from typing import Literal
from rvd.config.model import ModelConfig
from rvd.datasets.entry import DatasetEntry
from rvd.metrics.entry import MetricEntry
from rvd.metrics.labels import ScoreLabel
from rvd.models.entry import ModelEntry


class OwnConfig(ModelConfig):
    '''A kind.'''

    kind: Literal["own"]
    '''Kind.'''


class PlainConfig:
    pass


ENTRY = ModelEntry("own", OwnConfig, opener="nowhere:open", labels={"own": "Own", "rvd": "Other"})
"""


MODEL = """
from rvd.models.base import VideoPredictor, repeated


class Twice(VideoPredictor):
    def predict(self, context, horizon, ensemble, noise):
        return repeated(2 * context[:, -1:].expand(-1, horizon, -1, -1, -1), ensemble)


def open_own(config, source):
    size, _, channels = source.videos.frame_shape
    return Twice(config, size, channels)
"""


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The folder of the example, as if it were installed."""
    folder = tmp_path_factory.mktemp("example")
    points = {f"rvd.{group}": f"rvd_trend.entries:{name}" for group, name in EXAMPLE.items()}
    write_package(folder, "rvd-trend", points, source=REPOSITORY / "examples/plugin/rvd_trend")
    return folder


def refused(folder, **changes):
    """Return what `rvd status` says to a config, which it must refuse in lines without a trace."""
    (folder / "tiny.yaml").write_text(yaml.safe_dump(config(**changes)))
    run = python(folder, "-m", "rvd", "status", "--config", str(folder / "tiny.yaml"))
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    return run.stderr


class TestAdded:
    def test_the_registries_list_them_after_our_own_and_import_no_torch(self, example):
        script = """
import sys
from rvd.experiment import ExperimentConfig
from rvd.datasets.registry import DATASETS, dataset_label
from rvd.metrics.registry import METRICS, PAPER_METRICS
from rvd.models.registry import MODELS, in_order, model_label
print([name for name in ("torch", "h5py", "pandas") if name in sys.modules])
print([*MODELS][-1], [*DATASETS][-1], [*METRICS][-1], *PAPER_METRICS)
print(MODELS["trend"].package, model_label("trend"), dataset_label("squares"))
print(*in_order(["mine", "trend", "rvd"]))
"""
        run = python(example, "-c", script)
        assert run.stdout.splitlines() == [
            "[]",
            "trend arrays bias fvd lpips crps",
            "rvd-trend 1.0 Trend Squares",
            "rvd trend mine",
        ], run.stderr

    def test_the_reference_does_not_depend_on_what_is_installed(self, example, tmp_path):
        run = python(example, "-m", "rvd", "config-reference", "--folder", str(tmp_path))
        assert run.returncode == 0, run.stderr
        for path in tmp_path.iterdir():
            assert path.read_text() == (REPOSITORY / "config" / path.name).read_text(), path.name

    def test_nor_where_a_section_has_the_name_of_one_of_ours(self, tmp_path):
        code = KIND.replace("OwnConfig", "RvdConfig")
        write_package(tmp_path, "own", {"rvd.models": "own_plugin:ENTRY"}, code)
        run = python(tmp_path, "-m", "rvd", "config-reference", "--folder", str(tmp_path / "out"))
        assert run.returncode == 0, run.stderr
        for path in (tmp_path / "out").iterdir():
            assert path.read_text() == (REPOSITORY / "config" / path.name).read_text(), path.name

    def test_a_label_of_ours_is_kept(self, tmp_path):
        write_package(tmp_path, "own", {"rvd.models": "own_plugin:ENTRY"}, KIND)
        script = "from rvd.models.registry import LABELS; print(LABELS['own'], LABELS['rvd'])"
        assert python(tmp_path, "-c", script).stdout == "Own RVD\n"

    def test_finding_them_takes_milliseconds(self):
        from importlib.metadata import entry_points

        entry_points(group="rvd.models")
        start = time.process_time()
        for group in ("rvd.models", "rvd.datasets", "rvd.metrics"):
            entry_points(group=group)
        assert time.process_time() - start < 0.1


FAULTS = [
    ("models", "import nothing_of_that_name", "cannot be imported (ModuleNotFoundError: No"),
    ("models", "ENTRY = (", "cannot be imported (SyntaxError: "),
    ("models", "import torch\nENTRY = 3", "cannot be imported (ImportError: it imports torch"),
    ("models", "ENTRY = 3", "is an int, expected a ModelEntry"),
    ("datasets", KIND, "is a ModelEntry, expected a DatasetEntry"),
    ("models", f"{KIND}\nENTRY = ModelEntry('rvd', OwnConfig)", "adds the kind 'rvd', which"),
    (
        "models",
        f"{KIND}\nENTRY = ModelEntry('other', OwnConfig)",
        'has no `kind: Literal["other"]` in OwnConfig',
    ),
    (
        "models",
        f"{KIND}\nENTRY = ModelEntry('other', PlainConfig)",
        "expected a subclass of ModelConfig",
    ),
    (
        "datasets",
        f"{KIND}\nENTRY = DatasetEntry('kth', OwnConfig, 'x:y')",
        "adds the reader 'kth', which rvd itself has already",
    ),
    (
        "metrics",
        f"{KIND}\nENTRY = MetricEntry('crps', {{'a': ScoreLabel('A', 1)}}, print)",
        "adds the metric 'crps', which rvd itself has already",
    ),
    (
        "metrics",
        f"{KIND}\nENTRY = MetricEntry('a', {{'crps': ScoreLabel('A', 1)}}, print)",
        "adds the score 'crps', which",
    ),
    (
        "metrics",
        f"{KIND}\nENTRY = MetricEntry('a', {{'a': ScoreLabel('A', 1)}}, print, "
        "fetchers={'i3d': 'a:b'})",
        "adds the network 'i3d', which",
    ),
    ("metrics", f"{KIND}\nENTRY = MetricEntry('a', {{}}, print)", "names no scores"),
]


def test_each_broken_plugin_is_named_in_one_line(tmp_path):
    for number, (group, code, _) in enumerate(FAULTS):
        write_package(tmp_path, f"p{number}", {f"rvd.{group}": f"p{number}_plugin:ENTRY"}, code)
    lines = {line.split("'")[1]: line for line in refused(tmp_path).splitlines()}
    assert len(lines) == len(FAULTS)
    for number, (group, _, said) in enumerate(FAULTS):
        start = (
            f"rvd: package 'p{number} 1.0': its plug-in 'p{number}_plugin:ENTRY' of rvd.{group} "
        )
        line = lines[f"p{number} 1.0"]
        assert line.startswith(start)
        assert said in line
        assert line.endswith("; correct or uninstall the package")


def test_two_plugins_with_one_kind_are_refused(tmp_path):
    write_package(tmp_path, "own", {"rvd.models": "own_plugin:ENTRY"}, KIND)
    write_package(tmp_path, "zoo", {"rvd.models": "zoo_plugin:ENTRY"}, KIND)
    message = refused(tmp_path)
    assert "package 'zoo 1.0'" in message
    assert "adds the kind 'own', which package 'own 1.0' has already" in message


def test_code_that_cannot_be_imported_is_named_when_it_is_used(tmp_path):
    write_package(tmp_path, "own", {"rvd.models": "own_plugin:ENTRY"}, KIND)
    script = """
from rvd.models.registry import MODELS
from rvd.errors import UserError
try:
    MODELS["own"].open(None, None)
except UserError as error:
    print(error)
"""
    assert python(tmp_path, "-c", script).stdout == (
        "package 'own 1.0': 'nowhere:open' cannot be imported "
        "(ModuleNotFoundError: No module named 'nowhere')\n"
    )


class TestNotInstalled:
    def test_a_config_with_its_kind_is_refused(self, tmp_path):
        models = config()["models"] | {"trend": {"kind": "trend"}}
        message = refused(tmp_path, models=models)
        assert "models.trend.kind: 'trend' is not one of 'rvd'" in message
        assert "is the package that adds it installed?" in message
        assert message.count("\n") == 1

    def test_a_predictor_names_the_package_that_saved_it(self, tmp_path):
        path = tmp_path / "p.safetensors"
        metadata = {
            "format": "rvd-predictor",
            "version": "1",
            "config": '{"kind": "trend"}',
            "provenance": json.dumps({"package": "rvd-trend 0.1.0"}),
        }
        save_file({}, path, metadata)
        with pytest.raises(UserError) as error:
            load(path)
        words = f"{path}: is of the kind 'trend'; install the package 'rvd-trend 0.1.0'"
        assert str(error.value) == words

    def test_the_package_is_in_the_provenance(self, tmp_path, monkeypatch):
        as_plugin(monkeypatch)
        path = tmp_path / "p.safetensors"
        save(PersistenceForecast(PersistenceConfig(kind="persistence"), 16, 1), path, {})
        from rvd.models.files import provenance

        assert provenance(path)["package"] == "other 1.0"


def as_plugin(monkeypatch):
    """Take the persistence forecast for the model of another package."""
    entry = replace(registry.MODELS["persistence"], package="other 1.0")
    monkeypatch.setitem(registry.MODELS, "persistence", entry)
    return entry


class TestInterface:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda f: f[:, :, 1:], "the shape (2, 3, 3, 1, 16, 16)"),
            (lambda f: f.squeeze(3), "the shape (2, 3, 4, 16, 16)"),
            (lambda f: f - 0.5, "values from -0.5 to 0.5"),
            (lambda f: f * 255, "values from 0 to 255"),
            (lambda f: f / 0, "values that are not finite"),
            (lambda f: (f * 255).byte(), "values of torch.uint8"),
            (lambda f: f.numpy(), "ndarray"),
        ],
    )
    def test_forecasts_that_break_it_are_refused_in_one_line(self, monkeypatch, change, said):
        as_plugin(monkeypatch)
        model = PersistenceForecast(PersistenceConfig(kind="persistence"), 16, 1)
        right = torch.linspace(0, 1, 2 * 3 * 4 * 256).reshape(2, 3, 4, 1, 16, 16)
        monkeypatch.setattr(model, "predict", lambda *_: change(right))
        with pytest.raises(UserError) as error:
            forecast_clips(model, torch.zeros(2, 2, 1, 16, 16), 4, 3, [0, 1], torch.device("cpu"))
        assert str(error.value) == (
            f"package 'other 1.0': predict of the kind 'persistence' returned {said}, expected "
            "(clip, member, frame, channel, height, width) = (2, 3, 4, 1, 16, 16) of floats in "
            "[0, 1]"
        )

    @pytest.mark.parametrize(
        ("losses", "said"),
        [
            (torch.zeros(()), "returned Tensor"),
            ({"mse": torch.zeros(())}, "returned ['mse']"),
            ({"loss": torch.zeros(3)}, "returned a 'loss' that is not a scalar"),
        ],
    )
    def test_so_are_losses(self, losses, said):
        with pytest.raises(UserError, match="expected scalar losses by name") as error:
            require_losses(losses, PersistenceConfig(kind="persistence"), "other 1.0")
        assert said in str(error.value)

    def test_so_is_something_that_is_no_predictor(self, monkeypatch):
        entry = replace(as_plugin(monkeypatch), network="builtins:slice")
        with pytest.raises(UserError, match="'builtins:slice' returned a slice, expected a Video"):
            entry.build(PersistenceConfig(kind="persistence"), 16, 1)


def test_a_verb_names_the_package_whose_model_leaves_the_range(tmp_path):
    """A kind without training, opened by a function, whose forecasts are twice the last frame."""
    code = KIND.replace("nowhere:open", "own_model:open_own")
    write_package(tmp_path, "own", {"rvd.models": "own_plugin:ENTRY"}, code)
    (tmp_path / "own_model.py").write_text(MODEL)
    write_squares(tmp_path / "squares.h5")
    described = config(models={"own": {"kind": "own"}})
    described["run"]["models"] = ["own"]
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(described))
    command = ["sample", f"--config={tmp_path / 'tiny.yaml'}", "--dataset=simulation"]
    command += ["--model=own", "--seed=0", f"--videos={tmp_path / 'squares.h5'}"]
    run = python(tmp_path, "-m", "rvd", *command, f"--output={tmp_path / 'samples.h5'}")
    assert run.returncode == 2
    last = run.stderr.splitlines()[-1]
    assert last.startswith("rvd: package 'own 1.0': predict of the kind 'own' returned values from")
    assert "to 2, expected" in last
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "samples.h5").exists()


def test_the_environment_of_these_tests_has_no_plugins():
    run = subprocess.run(
        [sys.executable, "-c", "from rvd.models.registry import *; print(ENTRIES == OWN)"],
        env=environment(REPOSITORY),
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "True\n"
