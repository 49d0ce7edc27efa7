"""Flows past a cylinder, compared with published values."""

import time

import numpy as np
from jaxtyping import Float

from lbm.analysis import shedding_period
from lbm.flow import Circle, Flow, Solver
from lbm.solvers.numba_solver import NumbaSolver
from lbm.validation.case import Case, Check, MakeSolver


def cylinder(make: MakeSolver = NumbaSolver, ticks: int = 40_000) -> Case:
    """Compute the vortex street at Re 100 behind a cylinder that blocks 6 % of the channel."""
    began = time.process_time()
    diameter, speed, height = 16.0, 0.08, 256
    flow = Flow(
        width=384,
        height=height,
        viscosity=speed * diameter / 100,
        bulk_viscosity=0.02,
        inlet=np.full(height, speed),
        walls="slip",
        obstacles=(
            Circle(112.0, height / 2 + 0.3, diameter),
        ),  # off-centre, so shedding starts sooner
    )
    coefficients = _coefficients(make(flow), diameter, speed, ticks)
    strouhal = diameter / (speed * shedding_period(coefficients[ticks // 2 :, 1]))
    return Case(
        f"cylinder, Re 100, blockage 6 %{'' if make is NumbaSolver else ' (pylbm)'}",
        (Check("Strouhal number", strouhal, 0.1577, 0.1743, "0.166 ± 5 %, Williamson 1996"),),
        {"drag": coefficients[:, 0], "lift": coefficients[:, 1]},
        time.process_time() - began,
    )


def schaefer_turek(diameter: int = 20, make: MakeSolver = NumbaSolver) -> Case:
    """Compute benchmark 2D-2 of Schäfer & Turek (1996): a cylinder near a channel wall, Re 100."""
    began = time.process_time()
    speed, height = 0.05, round(4.1 * diameter)
    y = np.arange(height) + 0.5
    flow = Flow(
        width=22 * diameter,
        height=height,
        viscosity=speed * diameter / 100,
        bulk_viscosity=0.1,
        inlet=6 * speed * y * (height - y) / height**2,
        walls="no-slip",
        obstacles=(Circle(2.0 * diameter, 2.0 * diameter, diameter),),
    )
    period = diameter / (0.3 * speed)
    coefficients = _coefficients(make(flow), diameter, speed, int(36 * period))
    late = coefficients[-int(10 * period) :]
    strouhal = diameter / (speed * shedding_period(late[:, 1]))
    drag, lift = (float(c) for c in late.max(axis=0))
    source = "Schäfer & Turek 1996"
    return Case(
        f"Schäfer–Turek 2D-2, D = {diameter}",
        (
            Check("Strouhal number", strouhal, 0.295, 0.305, f"0.295–0.305, {source}"),
            Check(
                "largest drag coefficient", drag, 0.97 * 3.23, 1.03 * 3.23, f"3.22–3.24, {source}"
            ),
            Check("largest lift coefficient", lift, 0.94, 1.06, f"1.00 ± 6 %, {source}"),
        ),
        {"drag": late[:, 0], "lift": late[:, 1]},
        time.process_time() - began,
    )


def _coefficients(
    solver: Solver, diameter: float, speed: float, ticks: int
) -> Float[np.ndarray, "tick xy=2"]:
    """Compute drag and lift coefficients from an impulsive start."""
    flow = solver.flow
    assert flow.inlet is not None
    fluid = ~flow.solid()
    wave = np.sin(3 * np.pi * np.arange(flow.width) / flow.width)
    solver.initialise(flow.inlet[:, None] * fluid, 0.05 * speed * wave * fluid)
    return 2 * solver.advance(np.ones(ticks)) / (speed**2 * diameter)
