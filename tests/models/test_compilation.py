"""Each model's training pass and forecast are compiled without a graph break.

A break would divide the pass into several graphs, and exclude it from CUDA graphs. The backend
``aot_eager`` traces forward and backward passes as for a GPU, and runs them without Inductor.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models.tiny_models import TINY

CASES = [*(f"training {kind}" for kind in TINY), "forecast rvd", "blending future-gan"]


@pytest.fixture(scope="module")
def found():
    run = subprocess.run(
        [sys.executable, "-m", "tests.models.compiled_passes"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert run.returncode == 0, run.stderr[-2000:]
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return {line["case"]: line for line in lines}


@pytest.mark.parametrize("case", CASES)
def test_it_is_one_graph_and_computes_the_same(case, found):
    assert found[case].get("error") is None
    assert found[case]["difference"] < 1e-4
