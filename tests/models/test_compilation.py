"""Each model's training pass and forecast are compiled without a graph break.

A break would divide the pass into several graphs, and exclude it from CUDA graphs. The backend
``aot_eager`` traces forward and backward passes as for a GPU, and runs them without Inductor.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models.compiled_passes import CASES

# Tracing both passes of its many spectrally normalised layers takes most of a minute.
SLOW = "training dvd-gan"
QUICK = [case for case in CASES if case != SLOW]


def compared(*cases):
    """Return what the program prints for each case, by its name."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.models.compiled_passes", *cases],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert run.returncode == 0, run.stderr[-2000:]
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return {line["case"]: line for line in lines}


@pytest.fixture(scope="module")
def found():
    return compared(*QUICK)


def assert_equal(line):
    assert line.get("error") is None
    assert line["difference"] < 1e-4


@pytest.mark.parametrize("case", QUICK)
def test_it_is_one_graph_and_computes_the_same(case, found):
    assert_equal(found[case])


@pytest.mark.slow
def test_both_passes_of_dvd_gan_are_one_graph_each():
    assert_equal(compared(SLOW)[SLOW])
