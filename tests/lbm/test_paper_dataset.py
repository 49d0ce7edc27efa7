"""Simulated datasets of the configs: all runs differ, and test flows are not trained on."""

from itertools import combinations, pairwise
from pathlib import Path

import pytest

from rvd.datasets.simulation.config import SimulationConfig
from rvd.experiment.loading import load_experiment

CONFIG = Path(__file__).parents[2] / "config"
PAPER, DEMO = [CONFIG / "config.yaml"], [CONFIG / "config.yaml", CONFIG / "demo.yaml"]


def simulated(paths):
    datasets = load_experiment(paths).datasets.items()
    return {name: d for name, d in datasets if isinstance(d, SimulationConfig)}


def by_split(dataset):
    runs = {"train": [], "val": [], "test": []}
    for name, street in dataset.simulations().items():
        runs[name.split("-")[0]].append(street)
    return runs


@pytest.mark.parametrize("paths", [PAPER, DEMO], ids=["paper", "demo"])
def test_test_runs_have_reynolds_numbers_that_are_not_trained_on(paths):
    runs = by_split(simulated(paths)["simulation"])
    known = {street.reynolds for street in runs["train"]}
    for street in runs["val"] + runs["test"]:
        assert min(abs(street.reynolds - other) for other in known) >= 5
        # but within the training range: interpolation, not extrapolation
        assert min(known) < street.reynolds < max(known)


@pytest.mark.parametrize("paths", [PAPER, DEMO], ids=["paper", "demo"])
def test_no_two_runs_are_the_same(paths):
    for dataset in simulated(paths).values():
        streets = list(dataset.simulations().values())
        for one, other in combinations(streets, 2):
            assert one.seed != other.seed
            # in a steady inflow the seed only sets the phase, so the flow must differ, too
            if one.modulation == 0:
                assert (one.reynolds, one.offset) != (other.reynolds, other.offset)


def test_the_paper_has_eight_runs_of_1000_and_of_250_frames():
    runs = by_split(simulated(PAPER)["simulation"])
    assert [street.frames for street in runs["train"]] == 8 * [1000]
    assert [street.frames for street in runs["test"]] == 8 * [250]
    assert {street.interval for street in runs["train"]} == {128}


def test_training_reynolds_numbers_are_stratified():
    """There is one run per eighth of the range, up to rounding."""
    runs = by_split(simulated(PAPER)["simulation"])["train"]
    gaps = [b - a for a, b in pairwise(sorted(street.reynolds for street in runs))]
    assert max(gaps) < 1.1 * min(gaps)
