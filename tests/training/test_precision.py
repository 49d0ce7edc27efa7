"""``precision: auto``: decided where a training starts, and kept wherever it is resumed."""

from pathlib import Path

import pytest
import torch
from accelerate import PartialState
from accelerate.state import AcceleratorState

from rvd.config.trained import TrainedModelConfig
from rvd.errors import UserError
from rvd.experiment.loading import load_experiment
from rvd.models.files import load, stored_config
from rvd.runtime import device
from rvd.training import environment, train
from rvd.training.checkpoint import newest_stamp
from rvd.workflow import rerun_keys
from tests.models.tiny_models import TINY, built
from tests.tiny import config, experiment, task_in, write_squares

SHIPPED = sorted((Path(__file__).parents[2] / "config").glob("*.yaml"))


@pytest.fixture
def on_a_machine(monkeypatch):
    """A function that continues on a machine with or without bfloat16, in a new process."""

    def moved(has_bfloat16):
        AcceleratorState._reset_state(reset_partial_state=True)
        for module in (device, environment):
            monkeypatch.setattr(module, "bfloat16_in_hardware", lambda *_: has_bfloat16)

    yield moved
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def task(tmp_path):
    return task_in(tmp_path, write_squares(tmp_path / "v.h5"))


def section(value, **training):
    return TINY["rvd"].section(precision=value, **training)


def trained(described, task):
    train(built(described, 16), described.training, task, gpu=False)


def interrupted(described, task, monkeypatch):
    """Train to the first checkpoint, and fail after it."""
    with monkeypatch.context() as patched:
        patched.setattr("rvd.training.loop._Trainer._is_late", fails)
        with pytest.raises(RuntimeError, match="a fault"):
            trained(described, task)


def fails(trainer):
    if trainer.steps.done > 2:
        raise RuntimeError("a fault")
    return False


def recorded(task):
    return newest_stamp(task.checkpoints)["model"]["training"]["precision"]


@pytest.mark.parametrize(
    ("has", "chosen", "said"),
    [(True, "bfloat16", "computes"), (False, "float32", "does not compute")],
)
def test_it_is_what_the_processor_has(on_a_machine, task, capsys, has, chosen, said):
    on_a_machine(has)
    trained(section("auto"), task)
    assert f"precision: auto is {chosen} (this processor {said} bf" in capsys.readouterr().err
    assert recorded(task) == stored_config(task.output).training.precision == chosen


@pytest.mark.parametrize("first", [True, False])
def test_a_resumed_training_keeps_it(on_a_machine, task, capsys, monkeypatch, first):
    on_a_machine(first)
    interrupted(section("auto"), task, monkeypatch)
    chosen = recorded(task)
    on_a_machine(not first)
    trained(section("auto"), task)
    said = capsys.readouterr().err
    assert f"auto is {chosen} (the precision of the checkpoint that is resumed)" in said
    assert ("computed by software" in said) is first
    assert recorded(task) == chosen == ("bfloat16" if first else "float32")


def test_the_choice_equals_the_precision_by_name(on_a_machine, tmp_path):
    videos, weights = write_squares(tmp_path / "v.h5"), {}
    for name in ("auto", "bfloat16", "float32"):
        on_a_machine(True)
        one = task_in(tmp_path / name, videos)
        trained(section(name), one)
        weights[name] = load(one.output).state_dict()
    assert all(
        torch.equal(value, weights["auto"][key]) for key, value in weights["bfloat16"].items()
    )
    assert any(not torch.equal(v, weights["auto"][key]) for key, v in weights["float32"].items())


def test_another_precision_by_name_is_refused(on_a_machine, task, monkeypatch):
    on_a_machine(True)
    interrupted(section("auto"), task, monkeypatch)
    on_a_machine(True)
    with pytest.raises(UserError, match=r"training\.precision was bfloat16, now float32"):
        trained(section("float32"), task)
    on_a_machine(True)
    trained(section("bfloat16"), task)


def test_a_predictor_of_either_precision_is_that_of_auto(on_a_machine, task):
    on_a_machine(True)
    trained(section("auto"), task)
    assert load(task.output, section("auto")).config.training.precision == "bfloat16"
    with pytest.raises(UserError, match="trained under another config"):
        load(task.output, section("float32"))
    with pytest.raises(UserError, match="trained under another config"):
        load(task.output, section("auto", steps=7))


def test_all_processes_need_bfloat16(on_a_machine, monkeypatch):
    on_a_machine(True)
    monkeypatch.setattr(environment, "in_any_process", lambda processes, flag: True)
    settings = section("auto").training
    assert environment.precision_of(settings, "m", None, PartialState(cpu=True)) == "float32"


def test_damaged_checkpoints_do_not_say_it(on_a_machine, task, monkeypatch):
    on_a_machine(True)
    interrupted(section("auto"), task, monkeypatch)
    for path in task.checkpoints.glob("step-*.pt"):
        path.write_bytes(b"damaged")
    assert newest_stamp(task.checkpoints) is None


def test_a_rerun_does_not_depend_on_the_machine(on_a_machine):
    models = config()["models"]
    models["rvd"]["training"]["precision"] = "auto"
    keys = []
    for has in (True, False):
        on_a_machine(has)
        keys.append(rerun_keys.training(experiment(models=models), "simulation", "rvd"))
    assert keys[0] == keys[1] != rerun_keys.training(experiment(), "simulation", "rvd")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configs_name_their_precision(path):
    below = ["config.yaml", "demo.yaml"] if path.stem in ("contest", "quick") else ["config.yaml"]
    files = [path.with_name(name) for name in below]
    models = load_experiment([*files, path]).models.values()
    trained_ones = [model for model in models if isinstance(model, TrainedModelConfig)]
    assert trained_ones
    assert all(model.training.precision != "auto" for model in trained_ones)
