"""The records of a training are bounded, however long it is and however often it is interrupted."""

import numpy as np
import pandas as pd
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tqdm import tqdm

from rvd.config.training import TrainingConfig
from rvd.training.journal import Journal, journal_path, read_journal, write_curve
from rvd.training.losses import LossMonitor
from rvd.training.records.board import picture_path, pictures_folder, remove_pictures
from rvd.training.records.spacing import board_spacing, entry_spacing, picture_spacing, spacing
from rvd.video.export import write_picture

PICTURE = np.full((8, 8, 3), 128, np.uint8)


def settings(**changes):
    values = {"context": 2, "future": 2, "steps": 100, "batch": {16: 2}}
    return TrainingConfig(**values | {"learning_rate": {"initial": 1e-3}} | changes)


def simulate(folder, config, start=0, end=None):
    """Take the steps from ``start`` to ``end`` without a model: the loss is the step's number."""
    journal = Journal(folder, start, config.journal_entries, board_spacing(config))
    pictures, kept = pictures_folder(folder), picture_spacing(config)
    with journal, tqdm(disable=True) as bar:
        losses = LossMonitor(bar, journal, config.journal_every, entry_spacing(config))
        for step in range(start + 1, (end or config.steps) + 1):
            losses.record(step, {"loss": torch.tensor(step), "rate": torch.tensor(1e-3)})
            if step % config.validate_every == 0:
                write_picture(picture_path(pictures, step), PICTURE)
                remove_pictures(pictures, kept)
                if step % kept == 0:
                    journal.show(step, "validation", PICTURE)


def board_of(folder):
    board = EventAccumulator(str(folder / "tensorboard"), {"scalars": 0, "images": 0})
    board.Reload()
    return board


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("steps", [1, 49, 50, 999, 1_000_000, 1_352_000, 10**9])
@pytest.mark.parametrize("most", [1, 20, 20000])
def test_spacing_bounds_the_number_of_records(steps, most):
    every = spacing(50, steps, most)
    assert every % 50 == 0
    assert steps // every <= most
    assert every == 50 or steps / (every - 50) > most  # and none is left out in vain


def test_a_million_steps_keep_the_journal_of_the_paper_config():
    config = settings(steps=1_000_000)
    assert entry_spacing(config) == 50
    assert board_spacing(config) == 500
    assert picture_spacing(config) == 60_000


def test_sizes_stay_bounded_with_the_number_of_steps(tmp_path):
    bounds = {"journal_every": 5, "validate_every": 100, "journal_entries": 100}
    bounds |= {"tensorboard_entries": 20, "pictures": 5}
    sizes = {}
    for steps in (1_000, 30_000):
        folder, config = tmp_path / str(steps), settings(steps=steps, **bounds)
        simulate(folder, config)
        assert len(read_journal(journal_path(folder))) <= 100
        kept = sorted(path.name for path in pictures_folder(folder).iterdir())
        assert len(kept) <= 5
        assert kept[-1] == f"step-{steps:08d}.png"
        board = board_of(folder)
        assert len(board.Scalars("loss")) <= 20
        assert len(board.Images("validation")) <= 5
        sizes[steps] = size_of(folder)
    # Longer by the digits of the numbers alone.
    assert sizes[30_000] < 1.2 * sizes[1_000]


def test_a_thousand_interruptions_leave_the_records_of_none(tmp_path):
    config = settings(steps=1000, journal_every=2, validate_every=50, tensorboard_entries=100)
    simulate(tmp_path / "whole", config)
    for start in range(0, 1000, 10):
        # Ten steps beyond the checkpoint, which the next attempt takes again.
        simulate(tmp_path / "parts", config, start, min(start + 20, 1000))
    whole, parts = (tmp_path / name for name in ("whole", "parts"))
    for folder in (whole, parts):
        write_curve(journal_path(folder), folder / "curve.csv")
    curves = [pd.read_csv(folder / "curve.csv") for folder in (whole, parts)]
    columns = ["step", "loss", "rate"]
    pd.testing.assert_frame_equal(curves[0][columns], curves[1][columns])
    assert list(curves[0].step) == list(range(2, 1001, 2))
    assert (curves[0].loss == curves[0].step).all()  # values at the step, not means
    names = [sorted(p.name for p in pictures_folder(f).iterdir()) for f in (whole, parts)]
    assert names[0] == names[1]
    assert len(list((parts / "tensorboard").iterdir())) == 1
    points = [[(e.step, e.value) for e in board_of(f).Scalars("loss")] for f in (whole, parts)]
    assert points[0] == points[1]
    shown = [[event.step for event in board_of(f).Images("validation")] for f in (whole, parts)]
    assert shown[0] == shown[1]
    assert size_of(parts) < 1.1 * size_of(whole)


def test_a_journal_with_more_entries_is_thinned_evenly(tmp_path):
    simulate(tmp_path, settings(steps=1000, journal_every=1))
    config = settings(steps=1000, journal_every=1, journal_entries=100)
    with Journal(tmp_path, 1000, config.journal_entries, 1):
        pass
    steps = [entry["step"] for entry in read_journal(journal_path(tmp_path))]
    assert steps == list(range(10, 1001, 10))


def test_damaged_entries_and_pictures_do_not_stop_a_training(tmp_path):
    simulate(tmp_path, settings())
    with journal_path(tmp_path).open("a") as file:
        file.write('{"step": 60, "loss": null}\n{"step": 61, "loss": [1]}\n{"step": -1}\n')
    pictures_folder(tmp_path).mkdir()
    picture_path(pictures_folder(tmp_path), 50).write_bytes(b"not a picture")
    with Journal(tmp_path, 100, 20000, 1):
        pass
    assert [event.step for event in board_of(tmp_path).Scalars("loss")] == [50, 100]


def test_the_bounds_change_neither_weights_nor_earlier_files():
    config, bounded = settings(), settings(journal_entries=7, tensorboard_entries=7, pictures=1)
    assert config.training_fingerprint() == bounded.training_fingerprint()
    names = {"journal_entries", "tensorboard_entries", "pictures"}
    assert not names & config.model_dump().keys()
    assert names <= bounded.model_dump().keys()
