"""Speed of the flow solvers in million lattice updates per second (MLUPS), on one thread.

All solvers have all boundaries of the vortex street. The limit is given by memory bandwidth: an
update reads and writes nine numbers, so the limit is the speed of a plain copy of the populations.
Measurements are interleaved, so changes of the machine's speed affect all of them. Each value is a
median with minimum and maximum, and ratios are computed within each round.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from lbm.config import VortexStreetConfig
from lbm.flow import Flow
from lbm.solvers.numba_solver import NumbaSolver
from lbm.solvers.pylbm_solver import PylbmSolver
from lbm.vortex_street import make_flow

SIZES = ((256, 128), (512, 256))
# Required fractions of the limit, and multiples of pylbm's speed.
GOALS = {
    "float64 / limit": 0.40,
    "float32 / limit": 0.50,
    "float64 / pylbm": 8,
    "float32 / pylbm": 8,
}


def advancing(solver: NumbaSolver | PylbmSolver) -> Callable[[int], object]:
    still = np.zeros((solver.flow.height, solver.flow.width))
    solver.initialise(still + 0.08, still)
    return lambda ticks: solver.advance(np.ones(ticks))


def copying(flow: Flow, kind: type[np.floating]) -> Callable[[int], object]:
    """Return a function that copies nine numbers per cell, without ghost cells and padding."""
    one, other = (np.zeros((9, flow.height, flow.width), kind) for _ in range(2))

    def copy(times: int) -> None:
        for _ in range(times):
            np.copyto(other, one)

    return copy


def measure(width: int, height: int, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Measure the MLUPS of all solvers and copies in each round."""
    flow = make_flow(VortexStreetConfig(width=width, height=height, reynolds=100))
    single, double = replace(flow, precision="float32"), replace(flow, precision="float64")
    work = {
        "copy float32": copying(flow, np.float32),
        "numba float32": advancing(NumbaSolver(single)),
        "copy float64": copying(flow, np.float64),
        "numba float64": advancing(NumbaSolver(double)),
        "pylbm float64": advancing(PylbmSolver(double)),
    }
    cells, ticks, found = width * height / 1e6, {}, {name: [] for name in work}
    for name, run in work.items():
        run(2)  # compiles
        began = time.perf_counter()
        run(4)
        ticks[name] = max(4, int(4 * seconds / (time.perf_counter() - began)))
    for _ in range(rounds):
        for name, run in work.items():
            began = time.perf_counter()
            run(ticks[name])
            found[name].append(cells * ticks[name] / (time.perf_counter() - began))
    return found


def ratios(found: dict[str, list[float]]) -> dict[str, list[float]]:
    """Compute the ratios of each round, named as in GOALS."""

    def by_round(over: str, under: str) -> list[float]:
        return [a / b for a, b in zip(found[over], found[under], strict=True)]

    return {
        "float32 / limit": by_round("numba float32", "copy float32"),
        "float64 / limit": by_round("numba float64", "copy float64"),
        "float32 / pylbm": by_round("numba float32", "pylbm float64"),
        "float64 / pylbm": by_round("numba float64", "pylbm float64"),
    }


def spread(values: list[float], digits: int) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:8.{digits}f} ({low:.{digits}f} … {high:.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.2, help="time per measurement")
    arguments = parser.parse_args()
    for width, height in SIZES:
        found = measure(width, height, arguments.rounds, arguments.seconds)
        print(f"{width}×{height}, MLUPS: median (min … max) of {arguments.rounds} rounds")
        for name, values in found.items():
            label = name.replace("copy", "limit: copy")
            print(f"  {label:22} {spread(values, 0)}")
        for name, values in ratios(found).items():
            print(f"  {name:22} {spread(values, 2)}   goal {GOALS[name]:g}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB in total")


if __name__ == "__main__":
    main()
