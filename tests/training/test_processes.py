"""Several processes train as one with the same batch would."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from rvd.runtime.locks import exclusive
from rvd.training.history import read_history
from tests import prefork
from tests.tiny import SIZE, config, write_squares


def started(folder, name, processes, batch, steps=6, section=None, python=None, **more):
    """The tiny RVD, or another ``section``, trained by processes with so many clips each.

    With ``python=sys.executable`` they are fresh interpreters; ``more`` are settings of the
    training.
    """
    python = python or prefork.python()
    values = config()
    training = values["models"]["rvd"]["training"] | {"batch": {SIZE: batch}, "steps": steps} | more
    values["models"]["rvd"]["training"] = training
    if section is not None:
        values["models"]["other"] = section | {"training": training | section["training"]}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(values))
    command = [
        python,
        "-m",
        "rvd",
        "train",
        f"--processes={processes}",
        f"--config={name}.yaml",
        "--dataset=simulation",
        f"--model={'other' if section else 'rvd'}",
        "--seed=0",
        "--videos=v.h5",
        f"--checkpoints={name}",
        f"--output={name}.safetensors",
        f"--curve={name}.csv",
    ]
    # The Python of the processes that torchrun starts.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHON_EXEC": python}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=folder, stdout=pipe, stderr=pipe, text=True, env=environment
    )


def train(folder, name, processes, batch, **described):
    """Curve and weights of such a training, run to its end."""
    run = started(folder, name, processes, batch, **described)
    _, said = run.communicate()
    assert run.returncode == 0, said[-2000:]
    return pd.read_csv(folder / f"{name}.csv"), load_file(folder / f"{name}.safetensors")


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    write_squares(tmp_path / "v.h5")
    fresh = {"python": sys.executable}
    one_curve, one = train(tmp_path, "one", processes=1, batch=2, steps=20, **fresh)
    two_curve, two = train(tmp_path, "two", processes=2, batch=1, steps=20, **fresh)
    # Not the weights one by one: Adam makes steps of full size out of gradients that are zero but
    # for rounding, as those of biases before a normalisation are.
    pd.testing.assert_series_equal(one_curve.loss, two_curve.loss, rtol=1e-3)
    assert one.keys() == two.keys()


def growing(batch):
    """A FutureGAN that has grown to 8 pixels after 2 steps, and to 16 after 6."""
    level = {"width": 4, "batch": batch, "fading": 2, "stable": 2}
    return {
        "kind": "future-gan",
        "levels": dict.fromkeys((4, 8, 16), level),
        "training": {"context": 2, "future": 2, "learning_rate": {"initial": 1e-4}},
    }


def cyclic(batch):
    return {
        "kind": "retrospective-cycle-gan",
        "width": 4,
        "residual_blocks": 1,
        "critic_widths": [4, 8],
        "training": {"context": 2, "future": 1},
    }


@pytest.mark.slow
@pytest.mark.parametrize("section", [growing, cyclic], ids=["future", "cycle"])
def test_two_processes_play_as_one(tmp_path, section):
    """The critic of FutureGAN compares the clips of a batch, and is differentiated twice."""
    write_squares(tmp_path / "v.h5")
    one, _ = train(tmp_path, "one", processes=1, batch=2, steps=10, section=section(2))
    two, _ = train(tmp_path, "two", processes=2, batch=1, steps=10, section=section(1))
    for loss in ("generator_loss", "critics_loss"):
        assert one[loss].std() > 0
        pd.testing.assert_series_equal(one[loss], two[loss], rtol=2e-3, atol=2e-4)


@pytest.mark.slow
def test_checkpoints_move_between_one_process_and_two(tmp_path):
    write_squares(tmp_path / "v.h5")
    train(tmp_path, "moved", processes=2, batch=1)
    # Nothing is left to train, so the weights are those of the checkpoint.
    _, whole = train(tmp_path, "moved", processes=2, batch=1)
    _, alone = train(tmp_path, "moved", processes=1, batch=1)
    for name in whole:
        assert torch.equal(whole[name], alone[name])


@pytest.mark.slow
def test_two_processes_are_stopped_and_one_goes_on(tmp_path):
    write_squares(tmp_path / "v.h5")
    steps = 60
    run = started(tmp_path, "moved", processes=2, batch=1, steps=steps)
    while not list((tmp_path / "moved").glob("step-*.pt")) and run.poll() is None:
        time.sleep(0.05)
    run.send_signal(signal.SIGTERM)
    _, said = run.communicate()
    assert run.returncode != 0
    assert "SIGTERM: stopped after step" in said
    assert "2 processes with 1 clips each, which is an effective batch of 2" in said
    curve, _ = train(tmp_path, "moved", processes=1, batch=1, steps=steps)
    assert list(curve.step) == list(range(1, steps + 1))
    began = [e for e in read_history(tmp_path / "moved") if e["event"] == "began"]
    assert [(event["processes"], event["batch"]) for event in began] == [(2, 2), (1, 1)]
    assert began[1]["step"] > 0


@pytest.mark.slow
def test_two_processes_wait_for_another_trainer(tmp_path):
    write_squares(tmp_path / "v.h5")
    with exclusive(tmp_path / "moved", "lock", "trainer"):
        run = started(tmp_path, "moved", processes=2, batch=1)
        waiting = "waiting for another trainer at work in"
        said = ""
        while waiting not in said:
            line = run.stderr.readline()
            assert line, said
            said += line
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(5)
        assert not (tmp_path / "moved" / "history.jsonl").exists()
    said += run.stderr.read()
    assert run.wait(240) == 0, said
    assert said.count(waiting) == 1


@pytest.mark.slow
def test_two_processes_with_micro_batches_train_as_one(tmp_path):
    write_squares(tmp_path / "v.h5")
    one, _ = train(tmp_path, "one", processes=1, batch=4, steps=10)
    two, _ = train(tmp_path, "two", processes=2, batch=2, steps=10, micro_batch={SIZE: 1})
    pd.testing.assert_series_equal(one.loss, two.loss, rtol=1e-3)
