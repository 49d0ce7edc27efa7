"""The predicted disk use agrees with files that are written, and with the documentation."""

from pathlib import Path

import pytest
import torch

from benchmarks.disk import KINDS, checkpoint_bytes, predicted, report, training
from rvd.experiment.loading import load_experiment
from rvd.models.registry import build
from rvd.training import train
from tests.tiny import experiment, task_in, write_squares

REPOSITORY = Path(__file__).parents[1]


def test_a_training_takes_the_predicted_space(tmp_path):
    section = experiment().models["rvd"]
    # Wide enough that names and headers are a small part of each file.
    networks = {16: section.networks[16].model_copy(update={"width": 32})}
    section = section.model_copy(update={"networks": networks})
    task = task_in(tmp_path, write_squares(tmp_path / "v.h5"))
    torch.manual_seed(0)
    train(build(section, 16, 1), section.training, task, gpu=False)
    checkpoint, predictor = checkpoint_bytes(section, 16, 1)
    sizes = [path.stat().st_size for path in task.checkpoints.glob("step-*.pt")]
    assert sizes == pytest.approx([checkpoint] * 2, rel=0.1)
    assert task.output.stat().st_size == pytest.approx(predictor, rel=0.1)
    records = [
        path.stat().st_size
        for path in [*task.checkpoints.rglob("*"), task.curve]
        if path.is_file() and path.suffix not in (".pt", ".sha256")
    ]
    (bound,) = (u.size for u in training("", section, 16, 1) if u.kind == "journals and pictures")
    assert sum(records) < bound


def test_seeds_and_ensembles_are_counted():
    found = {}
    for use in predicted(experiment()):
        found[use.kind] = found.get(use.kind, 0) + use.size
    frame = 16 * 16 * 4
    assert set(found) == set(KINDS) - {"downloads"}
    assert found["video file"] == (2 * 12 + 8 + 10) * frame
    # Five models, two clips of 2 context, 3 true and 3 × 3 forecast frames.
    assert found["forecasts"] == 5 * 2 * (2 + 3 + 3 * 3) * frame
    seeds = experiment(run={"datasets": ["simulation"], "models": ["rvd"], "seeds": [0, 1, 2]})
    one = experiment(run={"datasets": ["simulation"], "models": ["rvd"], "seeds": [0]})
    sums = [sum(u.size for u in predicted(e) if u.kind == "checkpoints") for e in (one, seeds)]
    assert sums[1] == 3 * sums[0]


@pytest.mark.slow
def test_the_documentation_has_the_disk_use_of_the_paper_config():
    text = report(load_experiment([REPOSITORY / "config" / "config.yaml"]))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert "\n".join(rows) in (REPOSITORY / "docs" / "reproduction.md").read_text()
