"""Flows with known answers: what shows that the solver solves the Navier–Stokes equations.

Each function computes one case and returns its checks, each a number with the range it must fall
into, and the series that its plot shows. `CASES` names them all for `python -m lbm validate`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from lbm.analysis import shedding_period
from lbm.flow import Circle, Flow, Solver
from lbm.numba_solver import NumbaSolver
from lbm.pylbm_solver import PylbmSolver

MakeSolver = Callable[[Flow], Solver]


@dataclass(frozen=True)
class Check:
    """One number and the range that is right for it."""

    quantity: str
    value: float
    low: float
    high: float
    source: str

    @property
    def passed(self) -> bool:
        """Whether the number is within its range; NaN is not."""
        return self.low <= self.value <= self.high


@dataclass(frozen=True)
class Case:
    """A case that was run: its checks, what to plot, and the processor's time it took."""

    name: str
    checks: tuple[Check, ...]
    series: dict[str, NDArray[np.float64]] = field(repr=False)
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every check is within its range."""
        return all(check.passed for check in self.checks)


def taylor_green(sizes: Sequence[int] = (16, 32, 64, 128), make: MakeSolver = NumbaSolver) -> Case:
    """Decaying vortices in a periodic box, an exact solution.

    Sizes are compared at the same physical time and Reynolds number with velocity ∝ 1 / size, so
    that the compressibility error, too, shrinks with the square of the size.
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
    """A standing sound wave decays with the sum of the two viscosities (Landau & Lifshitz §79)."""
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
    """Flow between no-slip walls, driven by a body force, becomes a parabola."""
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
        solver.advance(np.ones(int(3 * size**2 / viscosity)))  # e⁻³⁰ of the transient is left
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


def cylinder(make: MakeSolver = NumbaSolver, ticks: int = 40_000) -> Case:
    """Vortex street at Re 100 behind a cylinder that blocks 6 % of the channel."""
    began = time.process_time()
    diameter, speed, height = 16.0, 0.08, 256
    flow = Flow(
        width=384,
        height=height,
        viscosity=speed * diameter / 100,
        bulk_viscosity=0.02,
        inlet=np.full(height, speed),
        walls="slip",
        obstacles=(Circle(112.0, height / 2 + 0.3, diameter),),  # off the middle: starts sooner
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
    """Benchmark 2D-2 of Schäfer & Turek (1996): a cylinder near one wall of a channel, Re 100."""
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


def _order(sizes: Sequence[int], errors: Sequence[float]) -> float:
    """Slope of log error against log size, by least squares, positive for convergence."""
    return -float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


def _damping(amplitude: Float[np.ndarray, " tick"]) -> float:
    """Decay rate per tick of a damped oscillation, exact for a(t) = Re(c·e^(−Γ+iω)t).

    Such a series obeys a[t+s] + e^(−2Γs) a[t−s] = m·a[t]; both factors follow by least squares.
    """
    step = max(len(amplitude) // 48, 1)  # an eighth of a period: both factors are well determined
    before, now, after = amplitude[: -2 * step], amplitude[step:-step], amplitude[2 * step :]
    solution = np.linalg.lstsq(np.stack([now, -before], axis=1), after, rcond=None)[0]
    return float(-np.log(solution[1]) / (2 * step))


def _coefficients(
    solver: Solver, diameter: float, speed: float, ticks: int
) -> Float[np.ndarray, "tick xy=2"]:
    """Drag and lift coefficients from an impulsive start, referred to `speed` and `diameter`."""
    flow = solver.flow
    assert flow.inlet is not None
    fluid = ~flow.solid()
    wave = np.sin(3 * np.pi * np.arange(flow.width) / flow.width)
    solver.initialise(flow.inlet[:, None] * fluid, 0.05 * speed * wave * fluid)
    return 2 * solver.advance(np.ones(ticks)) / (speed**2 * diameter)


def agreement(ticks: int = 500) -> Case:
    """Both solvers from the same random state in a periodic box."""
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


def cylinder_of_both() -> Case:
    """The cylinder by pylbm, whose shedding must be that of the default solver."""
    default, other = cylinder(NumbaSolver), cylinder(PylbmSolver)
    ratio = other.checks[0].value / default.checks[0].value
    same = Check("Strouhal number / that of numba", ratio, 0.97, 1.03, "1, each other")
    return replace(other, checks=(*other.checks, same), seconds=other.seconds + default.seconds)


CASES: dict[str, Callable[[], Case]] = {
    "taylor-green": taylor_green,
    "sound-wave": sound_wave,
    "poiseuille": poiseuille,
    "cylinder": cylinder,
    "schaefer-turek": schaefer_turek,
    "agreement": agreement,
    "cylinder-pylbm": cylinder_of_both,
}
"""Every case by the name it has on the command line; the last two need pylbm."""
