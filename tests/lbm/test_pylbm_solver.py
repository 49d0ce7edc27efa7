"""The two solvers, by different authors, compute the same flow."""

import os
import subprocess
import sys

import numpy as np
import pytest

from lbm.errors import FlowError
from lbm.flow import Circle, Flow
from lbm.solvers.numba_solver import NumbaSolver

pytestmark = pytest.mark.slow  # compiles once, for about ten seconds

INLET = 0.05 + 0.01 * np.cos(np.linspace(0, np.pi, 32))
FLOWS = {
    "periodic box": Flow(40, 32, 0.01, 0.03),
    "slip walls": Flow(40, 32, 0.01, 0.03, walls="slip"),
    "no-slip walls": Flow(40, 32, 0.01, 0.03, walls="no-slip"),
    "slip channel": Flow(40, 32, 0.01, 0.03, INLET, "slip"),
    "no-slip channel": Flow(40, 32, 0.01, 0.03, INLET, "no-slip"),
    "circles": Flow(60, 32, 0.01, 0.03, INLET, "slip", (Circle(13, 9.3, 8), Circle(24.2, 22, 7))),
}


def make_pylbm_solver(flow):
    from lbm.solvers.pylbm_solver import PylbmSolver

    return PylbmSolver(flow)


@pytest.mark.parametrize("name", FLOWS)
def test_both_solvers_agree_to_rounding(name):
    flow = FLOWS[name]
    fluid = ~flow.solid()
    ux, uy = 0.01 * np.random.default_rng(0).standard_normal((2, *fluid.shape)) * fluid
    if flow.inlet is not None:
        ux += flow.inlet[:, None] * fluid
    inflow = 1 + 0.1 * np.sin(np.arange(500) / 20)
    results = []
    for make in (NumbaSolver, make_pylbm_solver):
        solver = make(flow)
        solver.initialise(ux, uy)
        forces = solver.advance(inflow)
        assert solver.tick == 500
        results.append((*solver.macroscopic(), forces))
    assert np.abs(results[0][1]).max() > 1e-4
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


def test_a_restored_state_continues_bit_for_bit():
    flow = FLOWS["circles"]
    first, second = make_pylbm_solver(flow), make_pylbm_solver(flow)
    first.initialise(0.05 * ~flow.solid(), np.zeros((32, 60)))
    first.advance(np.linspace(0.5, 1, 41))
    second.restore(first.populations(), first.tick)
    ahead = np.linspace(1, 1.1, 30)
    np.testing.assert_array_equal(second.advance(ahead), first.advance(ahead))
    np.testing.assert_array_equal(second.macroscopic(), first.macroscopic())
    assert second.tick == 71


def test_unsupported_flows_are_refused():
    with pytest.raises(FlowError, match="no body force"):
        make_pylbm_solver(Flow(16, 16, 0.1, 0.1, force=(1e-5, 0)))
    with pytest.raises(FlowError, match="only 'float64'"):
        make_pylbm_solver(Flow(16, 16, 0.1, 0.1, precision="float32"))


def test_it_compiles_once_and_not_in_the_working_folder(tmp_path):
    cache, work = tmp_path / "cache", tmp_path / "work"
    work.mkdir()
    # arguments that pylbm would parse
    options = "--solver pylbm --precision float64 --width 48 --height 24 --diameter 4 --center 8"
    options += " --reynolds 50 --warmup 5 --interval 5 --frames 2"
    command = [sys.executable, "-m", "lbm", "simulate", "run.h5", *options.split()]
    times = []
    for _ in range(2):
        run = subprocess.run(
            command,
            cwd=work,
            env=os.environ | {"XDG_CACHE_HOME": str(cache)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        assert [path.name for path in work.iterdir()] == ["run.h5"]
        compiled = list(cache.glob("lbm/pylbm-*/*.so"))
        assert len(compiled) == 1
        times.append(compiled[0].stat().st_mtime_ns)
    assert times[0] == times[1]
