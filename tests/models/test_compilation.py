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

# `aot_eager` without its division into passes with the least memory, a quarter of the time.
TRACED = "aot_eager_default_partitioner"
# The forward pass alone.
FORWARD = "eager"
QUICK = dict.fromkeys(CASES, TRACED) | {
    "training crps": FORWARD,  # of RVD's networks
    "critics of dvd-gan": FORWARD,  # through 87 spectrally normalised layers
    "forecast": "aot_eager",
}
del QUICK["training dvd-gan"]  # both players' passes
WHOLE = {case: "aot_eager" for case in CASES if case.startswith("training")}


def compared(cases):
    """Return what the program prints for each case, by its name."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "tests.models.compiled_passes"),
            *(f"{case}={backend}" for case, backend in cases.items()),
        ],
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
    return compared(QUICK)


def assert_equal(line):
    assert line.get("error") is None
    assert line["difference"] < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("case", QUICK)
def test_it_is_one_graph_and_computes_the_same(case, found):
    assert_equal(found[case])


@pytest.mark.long
@pytest.mark.parametrize("case", WHOLE)
def test_so_are_both_passes_in_the_least_memory(case):
    assert_equal(compared({case: WHOLE[case]})[case])
