"""Weights & Biases and MLflow have the journal's entries, and no training depends on them.

The packages are fake ones here; :mod:`tests.training.test_real_trackers` has the real ones.
"""

import os
import signal
import subprocess
import sys

import pytest
import yaml

from rvd.config.tracking import TrackingConfig
from rvd.errors import UserError
from rvd.runtime.signals import Interrupted
from rvd.training.journal import Journal, read_journal
from rvd.training.records import tracked_run, trackers
from tests.tiny import SIZE, config, experiment, task_in, write_squares
from tests.training.test_training import (
    assert_equal_weights,
    interrupted_after,
    run,
    settings_of,
)
from tests.training.tracked import entries_of, environment, told, write_fakes

BOTH = TrackingConfig(trackers=("wandb", "mlflow"))


@pytest.fixture(autouse=True)
def records(tmp_path_factory, monkeypatch):
    """The file of what the fake packages are told, which are the only ones to be imported."""
    folder = tmp_path_factory.mktemp("fake")
    write_fakes(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("FAKE_RECORDS", str(folder / "records"))
    for name in ("MLFLOW_TRACKING_URI", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] in ("wandb", "mlflow")]:
        monkeypatch.delitem(sys.modules, name)
    yield folder / "records"
    for name in ("wandb", "mlflow"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return write_squares(tmp_path_factory.mktemp("videos") / "v.h5")


@pytest.fixture(scope="module")
def plain(tmp_path_factory, videos):
    """The weights of the training without trackers."""
    return run(settings_of(), task_in(tmp_path_factory.mktemp("plain"), videos))


def journal_of(task):
    entries = read_journal(task.checkpoints / "journal.jsonl")
    return {entry.pop("step"): entry for entry in entries}


def test_they_are_told_the_entries_and_pictures_of_the_journal(tmp_path, videos, records, plain):
    task = task_in(tmp_path, videos, tracking=BOTH)
    assert_equal_weights(run(settings_of(journal_every=2), task), plain)
    folder = task.checkpoints / "trackers"
    for package in ("wandb", "mlflow"):
        entries = entries_of(records, package)
        assert list(entries) == [2, 4, 6]
        assert entries == journal_of(task)
        pictures = told(records, package, "picture")
        assert [step for _, step, _ in pictures] == [4, 6]
        assert all(shape[-1] == 3 for _, _, shape in pictures)
        ((_, settings),) = told(records, package, "config")
        assert settings["model.training.steps"] == 6
        assert settings["seed"] == 0
        assert len(told(records, package, "finish")) == 1
    ((_, started),) = told(records, "wandb", "init")
    assert started["project"] == "rvd"
    assert started["name"] == "squares/rvd/seed0"
    assert (started["mode"], started["dir"]) == ("offline", str(folder))
    ((_, started),) = told(records, "mlflow", "init")
    assert started["uri"] == (folder / "mlflow").as_uri()
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_the_environment_chooses_a_server(tmp_path, videos, records, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracker")
    run(settings_of(), task_in(tmp_path, videos, tracking=BOTH))
    assert told(records, "wandb", "init")[0][1]["mode"] == "online"
    assert told(records, "mlflow", "init")[0][1]["uri"] == "http://tracker"
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://tracker"


def test_a_resumed_training_continues_its_run_with_each_step_once(
    tmp_path, videos, records, monkeypatch
):
    task = task_in(tmp_path, videos, tracking=BOTH)
    settings = settings_of(checkpoint_every=4)

    class KilledError(BaseException):
        pass

    def killed(self, step, values):
        real(self, step, values)
        if step == 3:
            raise KilledError  # after its last checkpoint, which is none

    real = Journal.write
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "write", killed)
        with pytest.raises(KilledError):
            run(settings, task)
    with monkeypatch.context() as patch:
        interrupted_after(5, patch)
        with pytest.raises(Interrupted):
            run(settings, task)
    run(settings, task)
    for package in ("wandb", "mlflow"):
        assert list(entries_of(records, package)) == [1, 2, 3, 4, 5, 6]
        assert [step for _, step, _ in told(records, package, "picture")] == [4, 6]
        starts = told(records, package, "init")
        assert len({started["id"] for _, started in starts}) == 1
        assert len(starts) == len(told(records, package, "finish")) == 3
    run(settings, task)  # which only writes its outputs again
    assert len(entries_of(records, "wandb")) == 6
    assert len(told(records, "mlflow", "config")) == 1  # a parameter cannot be changed


def test_a_tracker_that_is_added_later_has_all_entries(tmp_path, videos, records, monkeypatch):
    with monkeypatch.context() as patch:
        interrupted_after(5, patch)
        with pytest.raises(Interrupted):
            run(settings_of(), task_in(tmp_path, videos))
    task = task_in(tmp_path, videos, tracking=TrackingConfig(trackers=("wandb",)))
    run(settings_of(), task)
    assert entries_of(records, "wandb") == journal_of(task)
    assert [step for _, step, _ in told(records, "wandb", "picture")] == [4, 6]


@pytest.mark.parametrize("package", ["wandb", "mlflow"])
def test_one_that_is_not_installed_is_refused_before_the_training(
    tmp_path, videos, monkeypatch, package
):
    found = trackers.find_spec
    monkeypatch.setattr(
        trackers, "find_spec", lambda name: None if name == package else found(name)
    )
    words = f"the package {package} is not installed; pip install 'rvd\\[trackers\\]'"
    task = task_in(tmp_path, videos, tracking=BOTH)
    with pytest.raises(UserError, match=words):
        run(settings_of(), task)
    assert not task.checkpoints.exists()


@pytest.mark.parametrize("package", ["wandb", "mlflow"])
def test_one_that_cannot_start_is_refused_before_the_first_step(
    tmp_path, videos, records, monkeypatch, package
):
    monkeypatch.setenv("FAKE_FAULT", f"{package}.init")
    task = task_in(tmp_path, videos, tracking=BOTH)
    with pytest.raises(UserError) as refused:
        run(settings_of(), task)
    variable = {"wandb": "WANDB_MODE", "mlflow": "MLFLOW_TRACKING_URI"}[package]
    assert str(refused.value) == (
        f"tracking.trackers: {package} cannot start (RuntimeError: no init); correct its settings "
        f"({variable}), or leave it out"
    )
    assert not list(task.checkpoints.glob("step-*"))
    assert journal_of(task) == {}
    # The one that had started has ended.
    assert len(told(records, "wandb", "finish")) == (package == "mlflow")


def test_one_that_does_not_answer_is_refused(tmp_path, videos, monkeypatch):
    monkeypatch.setenv("FAKE_FAULT", "wandb.init.hangs")
    monkeypatch.setattr(tracked_run, "START", 0.2)
    monkeypatch.setattr(tracked_run, "END_INTERRUPTED", 0.2)
    task = task_in(tmp_path, videos, tracking=TrackingConfig(trackers=("wandb",)))
    with pytest.raises(UserError, match=r"wandb cannot start \(TimeoutError: no answer within"):
        run(settings_of(), task)


@pytest.mark.parametrize("package", ["wandb", "mlflow"])
@pytest.mark.parametrize("call", ["log.3", "picture.1", "finish"])
def test_one_that_fails_later_is_dropped_with_one_line(
    tmp_path, videos, records, monkeypatch, capsys, plain, package, call
):
    monkeypatch.setenv("FAKE_FAULT", f"{package}.{call}")
    task = task_in(tmp_path, videos, tracking=BOTH)
    capsys.readouterr()
    assert_equal_weights(run(settings_of(), task), plain)
    said = [line for line in capsys.readouterr().err.splitlines() if "[" not in line]
    assert said == [
        f"tracking.trackers: {package} failed (RuntimeError: no {call.split('.')[0]}); the "
        "training continues without it"
    ]
    other = {"wandb": "mlflow", "mlflow": "wandb"}[package]
    assert list(entries_of(records, other)) == [1, 2, 3, 4, 5, 6]
    monkeypatch.delenv("FAKE_FAULT")
    run(settings_of(), task)  # which adds what was missing
    assert entries_of(records, package) == journal_of(task)
    assert [step for _, step, _ in told(records, package, "picture")] == [4, 6]


def test_one_that_does_not_end_does_not_keep_the_training(tmp_path, videos, monkeypatch, capsys):
    monkeypatch.setenv("FAKE_FAULT", "wandb.finish.hangs")
    monkeypatch.setattr(tracked_run, "END", 0.2)
    task = task_in(tmp_path, videos, tracking=TrackingConfig(trackers=("wandb",)))
    run(settings_of(), task)
    assert task.output.exists()
    assert "wandb failed (it has not ended in time" in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage", ["", "[", "[]", "{}", '{"run": 3}', '{"run": "a", "entry": "1", "picture": 0}']
)
def test_a_damaged_state_starts_a_new_run(tmp_path, videos, records, damage):
    task = task_in(tmp_path, videos, tracking=TrackingConfig(trackers=("wandb",)))
    (task.checkpoints / "trackers").mkdir(parents=True)
    (task.checkpoints / "trackers" / "wandb.json").write_text(damage)
    run(settings_of(), task)
    assert len(entries_of(records, "wandb")) == 6


def started(folder, records, *more, **variables):
    """`rvd train` of the tiny model with both trackers, in a process of its own."""
    values = config(tracking={"trackers": ["wandb", "mlflow"]})
    values["models"]["rvd"]["training"] |= {"steps": 400, "batch": {SIZE: 2}}
    (folder / "tracked.yaml").write_text(yaml.safe_dump(values))
    write_squares(folder / "v.h5")
    command = [sys.executable, "-m", "rvd", "train", "--config=tracked.yaml", "--model=rvd"]
    command += ["--dataset=simulation", "--seed=0", "--videos=v.h5", "--checkpoints=state"]
    command += ["--output=p.safetensors", "--curve=curve.csv", *more]
    settings = environment(records.parent, FAKE_RECORDS=str(records), **variables)
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stderr=pipe, text=True, env=settings)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["", "wandb.finish.hangs"])
def test_an_interrupted_command_ends_its_runs(tmp_path, records, fault):
    process = started(tmp_path, records, FAKE_FAULT=fault)
    while not entries_of_running(records):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 75, said
    assert len(told(records, "mlflow", "finish")) == 1
    assert ("wandb failed (it has not ended in time" in said) == bool(fault)


def entries_of_running(records):
    return told(records, "mlflow", "log")


@pytest.mark.slow
def test_one_process_of_several_tells_them(tmp_path, records):
    process = started(tmp_path, records, "--processes=2")
    while len(entries_of_running(records)) < 3:
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert "stopped after step" in said
    for package in ("wandb", "mlflow"):
        assert len(told(records, package, "init")) == 1
        assert len(told(records, package, "finish")) == 1
        entries_of(records, package)


@pytest.mark.slow
def test_nothing_of_them_is_imported_without_the_key(tmp_path):
    script = """
import sys
from pathlib import Path
from tests.tiny import experiment, task_in, write_squares
from rvd.models.registry import build
from rvd.training import train
folder = Path(sys.argv[1])
section = experiment().models["rvd"]
train(build(section, 16, 1), section.training, task_in(folder, write_squares(folder / "v.h5")))
print({"wandb", "mlflow"} & set(sys.modules), (folder / "checkpoints" / "trackers").exists())
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set() False"


def test_neither_weights_nor_finished_results_depend_on_the_key():
    plain, tracked = experiment(), experiment(tracking={"trackers": ["wandb"]})
    for name in ("rvd", "vd"):
        assert plain.models[name] == tracked.models[name]
    assert "tracking" not in plain.models["rvd"].model_dump_json()
