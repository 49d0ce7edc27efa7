"""Agreement of the two solvers."""

import time
from dataclasses import replace

import numpy as np

from lbm.flow import Flow, Solver
from lbm.solvers.numba_solver import NumbaSolver
from lbm.solvers.pylbm_solver import PylbmSolver
from lbm.validation.case import Case, Check
from lbm.validation.cylinders import cylinder


def agreement(ticks: int = 500) -> Case:
    """Run both solvers from the same random state in a periodic box."""
    began = time.process_time()
    flow = Flow(64, 48, viscosity=0.01, bulk_viscosity=0.03)
    ux, uy = 0.02 * np.random.default_rng(0).standard_normal((2, 48, 64))
    solvers: list[Solver] = [NumbaSolver(flow), PylbmSolver(flow)]
    for solver in solvers:
        solver.initialise(ux, uy)
    differences = []
    for _ in range(ticks):
        for solver in solvers:
            solver.advance(np.ones(1))
        one, other = (np.stack(solver.macroscopic()) for solver in solvers)
        differences.append(float(np.abs(one - other).max()))
    return Case(
        "numba and pylbm in a periodic box",
        (Check("largest difference", max(differences), 0.0, 1e-12, "0, each other"),),
        {"difference": np.array(differences)},
        time.process_time() - began,
    )


def cylinder_agreement() -> Case:
    """Run the cylinder with pylbm, and compare its shedding with the default solver's."""
    default, other = cylinder(NumbaSolver), cylinder(PylbmSolver)
    ratio = other.checks[0].value / default.checks[0].value
    same = Check("Strouhal number / that of numba", ratio, 0.97, 1.03, "1, each other")
    return replace(other, checks=(*other.checks, same), seconds=other.seconds + default.seconds)
