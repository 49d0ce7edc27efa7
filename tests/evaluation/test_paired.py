"""Paired tests of models on the same clips."""

import h5py
import numpy as np
import pandas as pd
import pytest

from rvd.errors import UserError
from rvd.evaluation.tables.paired import clip_scores, paired_tests, write_paired_tests
from rvd.video.hdf5 import write_attributes


def maps_file(path, model, seed, crps):
    """Write a maps file whose clips have the given CRPS."""
    values = np.broadcast_to(np.asarray(crps)[:, None, None, None], (len(crps), 3, 4, 4))
    with h5py.File(path, "w") as file:
        of_run = {"dataset": "street", "model": model, "seed": seed}
        write_attributes(file, {"format": "rvd-maps", "version": 2, **of_run})
        file.create_dataset("crps", data=values.astype(np.float32))
    return path


def test_a_small_difference_is_found_between_hard_and_easy_clips(tmp_path):
    hardness = np.linspace(1, 20, 12)
    one = maps_file(tmp_path / "one.h5", "one", 0, hardness)
    other = maps_file(tmp_path / "other.h5", "other", 0, hardness + 0.1)
    row = paired_tests(clip_scores([other, one])).iloc[0]
    assert (row.better, row.worse) == ("one", "other")
    assert row.difference == pytest.approx(0.1, rel=1e-4)
    assert row.p == pytest.approx(2 / 2**12)  # all 4096 sign flips
    assert row.clips == 12
    assert row.standard_error < 1e-5


def test_chance_is_no_difference(tmp_path):
    generator = np.random.default_rng(0)
    files = [
        maps_file(tmp_path / f"{name}.h5", name, 0, 5 + generator.normal(size=30))
        for name in ("one", "other")
    ]
    assert paired_tests(clip_scores(files)).p.iloc[0] > 0.05


def test_seeds_are_averaged_and_their_agreement_is_counted(tmp_path):
    files = [
        maps_file(tmp_path / f"{name}{seed}.h5", name, seed, [value, value + 1])
        for name, values in {"one": (1, 2, 6), "other": (3, 4, 5)}.items()
        for seed, value in enumerate(values)
    ]
    row = paired_tests(clip_scores(files)).iloc[0]
    assert (row.better, row.difference) == ("one", 1.0)
    assert (row.seeds, row.seeds_agree) == (3, 2)


def test_equal_models_have_no_difference(tmp_path):
    files = [maps_file(tmp_path / f"{name}.h5", name, 0, [1.0, 2.0]) for name in ("a", "b")]
    row = paired_tests(clip_scores(files)).iloc[0]
    assert (row.difference, row.p) == (0, 1)


def test_bad_input_is_refused_and_nothing_is_written(tmp_path):
    one = maps_file(tmp_path / "one.h5", "one", 0, [1.0, 2.0])
    fewer = maps_file(tmp_path / "fewer.h5", "fewer", 0, [1.0])
    output = tmp_path / "paired.csv"
    for files, message in (
        ([one, fewer], "one has 2 clips of street, fewer 1"),
        ([one, one], "two files are of the same"),
        ([tmp_path / "none.h5"], "no such file"),
    ):
        with pytest.raises(UserError, match=message):
            write_paired_tests(files, output)
    assert not output.exists()
    write_paired_tests([one], output)
    assert pd.read_csv(output).empty
