"""Weights & Biases and MLflow themselves, where `pip install 'rvd[trackers]'` was run."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from importlib.util import find_spec

import pytest
import yaml

from rvd.training.journal import read_journal
from tests.tiny import config, write_squares
from tests.training.tracked import environment, mlflow_entries, wandb_entries, wandb_records

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (find_spec("wandb") and find_spec("mlflow")), reason="needs rvd[trackers]"
    ),
]


class Listener:
    """A proxy that counts who connects to it."""

    def __init__(self):
        self.connected = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            connection, _ = self.socket.accept()
            self.connected += 1
            connection.close()


@pytest.fixture
def proxy():
    return Listener()


def started(folder, proxy, steps=6, **variables):
    """`rvd train` of the tiny model with both trackers."""
    values = config(tracking={"trackers": ["wandb", "mlflow"], "project": "mine"})
    values["models"]["rvd"]["training"] |= {"steps": steps, "checkpoint_every": 4}
    (folder / "tracked.yaml").write_text(yaml.safe_dump(values))
    if not (folder / "v.h5").exists():
        write_squares(folder / "v.h5")
    command = [sys.executable, "-m", "rvd", "train", "--config=tracked.yaml", "--model=rvd"]
    command += ["--dataset=simulation", "--seed=0", "--videos=v.h5", "--checkpoints=state"]
    command += ["--output=p.safetensors", "--curve=curve.csv"]
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy)
    settings = environment(folder, **proxies, **variables)
    return subprocess.Popen(
        command,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        env=settings,
        start_new_session=True,
    )


def journal_of(folder):
    entries = read_journal(folder / "state" / "journal.jsonl")
    return {entry.pop("step"): entry for entry in entries}


def test_they_have_the_journal_and_reach_no_network(tmp_path, proxy):
    process = started(tmp_path, proxy.address)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert all(line.startswith("train ") for line in said.splitlines()), said
    folder, journal = tmp_path / "state" / "trackers", journal_of(tmp_path)
    assert mlflow_entries(folder) == journal
    (images,) = folder.glob("mlflow/*/*/artifacts/validation")
    assert sorted(path.name for path in images.iterdir()) == [
        "step-00000004.png",
        "step-00000006.png",
    ]
    entries = wandb_entries(folder)
    assert [step for step, entry in entries.items() if "validation" in str(entry)] == [4, 6]
    scalars = {
        step: {name: value for name, value in entry.items() if name in journal[step]}
        for step, entry in entries.items()
    }
    assert scalars == journal
    (run,) = [r.run for r in wandb_records(folder) if r.WhichOneof("record_type") == "run"]
    assert (run.project, run.display_name) == ("mine", "simulation/rvd/seed0")
    assert proxy.connected == 0


@pytest.mark.parametrize("to_group", [False, True])
def test_an_interrupted_training_ends_and_continues_its_runs(tmp_path, proxy, to_group):
    process = started(tmp_path, proxy.address, steps=60)
    folder = tmp_path / "state" / "trackers"
    while process.poll() is None and not list(folder.glob("mlflow/*/*/metrics/loss")):
        pass
    if to_group:  # as Ctrl-C does
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 75, said
    assert "failed" not in said
    (meta,) = folder.glob("mlflow/*/*/meta.yaml")
    assert yaml.safe_load(meta.read_text())["status"] == 3  # FINISHED
    process = started(tmp_path, proxy.address, steps=60)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert "failed" not in said
    journal = journal_of(tmp_path)
    assert set(mlflow_entries(folder)) == set(range(1, 61))
    assert set(wandb_entries(folder)) == set(journal) == set(range(1, 61))
    runs = [r.run for r in wandb_records(folder) if r.WhichOneof("record_type") == "run"]
    assert {run.run_id for run in runs} == {json.loads((folder / "wandb.json").read_text())["run"]}
    assert proxy.connected == 0


def test_a_server_that_is_not_there_is_refused(tmp_path, proxy):
    variables = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    process = started(tmp_path, proxy.address, **variables, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")
    _, said = process.communicate(timeout=200)
    assert process.returncode == 2
    (line,) = [line for line in said.splitlines() if line.startswith("rvd:")]
    assert line.startswith("rvd: tracking.trackers: mlflow cannot start (")
