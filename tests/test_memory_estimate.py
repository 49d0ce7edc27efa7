"""Estimated memory of a training step, and its limits for the shipped config."""

import pytest
import torch

from benchmarks.memory import ADAM, GIB, SHARE, LiveTensors, changed, estimate
from benchmarks.models import CONFIG, trained_models
from rvd.experiment.loading import load_experiment
from rvd.models.files import parameters
from tests.models.tiny_models import TINY

PAPERS_GPU = 24 * GIB  # the paper's Titan RTX
LARGEST_GPU = 80 * GIB
PAPERS_MODELS = ("rvd", "vd", "rvd-2+3")


def test_live_tensors_are_counted_while_they_live():
    with LiveTensors() as live:
        one = torch.empty(1000)
        view = one[:10]
        other = one * 2
        assert live.now == 8000
        del one, other
        assert live.now == 4000  # kept alive by the view
        del view
    assert (live.now, live.peak) == (0, 8000)


@pytest.mark.parametrize("kind", TINY)
def test_an_estimate_holds_state_and_activations(kind):
    tiny = TINY[kind]
    section = tiny.section(batch={tiny.size: 4})
    numbers = parameters(tiny.model())
    found = estimate(section, tiny.size, 1)
    assert found.state >= 4 * (2 + ADAM) * numbers
    assert found.peak > found.state
    if kind != "future-gan":
        parts = estimate(changed(section, micro_batch={tiny.size: 1}), tiny.size, 1)
        assert parts.peak < found.peak


@pytest.mark.slow
@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("name", ["svg-lp", "ivrnn", *PAPERS_MODELS])
def test_the_shipped_config_fits(name, size):
    """The largest models fit on 80 GiB, the paper's on 24, with a margin for excluded memory."""
    limit = PAPERS_GPU if name in PAPERS_MODELS else LARGEST_GPU
    assert estimate(trained_models(CONFIG)[name], size, 3).peak < SHARE * limit


@pytest.mark.slow
def test_longer_clips_of_a_dataset_fit():
    """SVG-LP has 10 context frames on KTH, as in its source."""
    section = load_experiment([CONFIG]).model("svg-lp", "kth")
    assert estimate(section, 64, 1).peak < SHARE * LARGEST_GPU
