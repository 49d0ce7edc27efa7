"""Flows with an exact solution."""

import time
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from lbm.flow import Flow
from lbm.solvers.numba_solver import NumbaSolver
from lbm.validation.case import Case, Check, MakeSolver


def taylor_green(sizes: Sequence[int] = (16, 32, 64, 128), make: MakeSolver = NumbaSolver) -> Case:
    """Compute decaying vortices in a periodic box.

    Sizes are compared at the same physical time and Reynolds number with velocity ∝ 1 / size, so
    that the compressibility error decreases with the square of the size, too.
    """
    began = time.process_time()
    viscosity, errors, found = 0.02, [], np.nan
    for size in sizes:
        speed, wave = 0.04 * sizes[0] / size, 2 * np.pi / size
        x, y = wave * (np.arange(size) + 0.5), wave * (np.arange(size)[:, None] + 0.5)
        ux, uy = -speed * np.cos(x) * np.sin(y), speed * np.sin(x) * np.cos(y)
        pressure = -(speed**2) / 4 * (np.cos(2 * x) + np.cos(2 * y))
        solver = make(Flow(size, size, viscosity, bulk_viscosity=viscosity))
        solver.initialise(ux, uy, 1 + 3 * pressure)
        ticks = round(0.25 / (viscosity * wave**2))
        energies = []
        for _ in range(2):
            solver.advance(np.ones(ticks))
            _, vx, vy = solver.macroscopic()
            energies.append(np.sum(vx**2 + vy**2))
        decay = np.exp(-2 * viscosity * wave**2 * solver.tick)
        wrong = np.hypot(vx - decay * ux, vy - decay * uy)
        errors.append(float(np.sqrt(np.mean(wrong**2)) / (decay * speed)))
        found = -np.log(energies[1] / energies[0]) / (4 * wave**2 * ticks)
    return Case(
        "Taylor–Green vortices",
        (
            Check("order of convergence", _order(sizes, errors), 1.9, 2.1, "2, exact"),
            Check("viscosity, measured / set", found / viscosity, 0.999, 1.001, "1, exact"),
        ),
        {"size": np.array(sizes, float), "error": np.array(errors)},
        time.process_time() - began,
    )


def sound_wave(size: int = 128, make: MakeSolver = NumbaSolver) -> Case:
    """Compute a sound wave, which both viscosities together damp (Landau & Lifshitz §79)."""
    began = time.process_time()
    shear, bulk, wave = 0.02, 0.06, 2 * np.pi / size
    shape = np.cos(wave * (np.arange(size) + 0.5))
    solver = make(Flow(size, 4, shear, bulk))
    still = np.zeros((4, size))
    solver.initialise(still, still, 1 + 1e-4 * np.broadcast_to(shape, (4, size)))
    amplitude = [1.0]
    for _ in range(int(6 * 2 * np.pi / (wave / np.sqrt(3)))):
        solver.advance(np.ones(1))
        amplitude.append(float(np.mean((solver.macroscopic()[0] - 1) @ shape) * 2 / size / 1e-4))
    ticks = np.arange(len(amplitude))
    damping = _damping(np.array(amplitude))
    found = 2 * damping / wave**2 - shear
    return Case(
        "standing sound wave",
        (Check("bulk viscosity, measured / set", found / bulk, 0.999, 1.001, "1, exact"),),
        {
            "tick": ticks.astype(float),
            "amplitude": np.array(amplitude),
            "envelope": np.exp(-(shear + bulk) / 2 * wave**2 * ticks),
        },
        time.process_time() - began,
    )


def poiseuille(sizes: Sequence[int] = (8, 16, 32, 64), make: MakeSolver = NumbaSolver) -> Case:
    """Compute the parabolic flow between no-slip walls driven by a body force."""
    began = time.process_time()
    viscosity, errors = 0.1, []
    profile = exact = height = np.empty(0)
    for size in sizes:
        top = 0.04 * sizes[0] / size
        solver = make(
            Flow(
                width=4,
                height=size,
                viscosity=viscosity,
                bulk_viscosity=viscosity,
                walls="no-slip",
                force=(8 * viscosity * top / size**2, 0.0),
            )
        )
        still = np.zeros((size, 4))
        solver.initialise(still, still)
        solver.advance(np.ones(int(3 * size**2 / viscosity)))  # e⁻³⁰ of the transient remains
        height = (np.arange(size) + 0.5) / size
        exact = 4 * height * (1 - height)
        profile = solver.macroscopic()[1][:, 0] / top
        errors.append(float(np.sqrt(np.mean((profile - exact) ** 2))))
    return Case(
        "Poiseuille flow",
        (
            Check("order of convergence", _order(sizes, errors), 1.9, 2.1, "2, exact"),
            Check("error of the finest, r.m.s.", errors[-1], 0.0, 1e-3, "0, exact"),
        ),
        {
            "size": np.array(sizes, float),
            "error": np.array(errors),
            "height": height,
            "profile": profile,
            "exact": exact,
        },
        time.process_time() - began,
    )


def _order(sizes: Sequence[int], errors: Sequence[float]) -> float:
    """Return the order of convergence: minus the least-squares slope of log error by log size."""
    return -float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


def _damping(amplitude: Float[np.ndarray, " tick"]) -> float:
    """Return the decay rate per tick of a damped oscillation, exact for a(t) = Re(c·e^(−Γ+iω)t).

    Such a series satisfies a[t+s] + e^(−2Γs) a[t−s] = m·a[t]; both factors are fitted by least
    squares.
    """
    step = max(len(amplitude) // 48, 1)  # an eighth of a period, which determines both factors well
    before, now, after = amplitude[: -2 * step], amplitude[step:-step], amplitude[2 * step :]
    solution = np.linalg.lstsq(np.stack([now, -before], axis=1), after, rcond=None)[0]
    return float(-np.log(solution[1]) / (2 * step))
