"""From the parameters of a street to its run file, in one go or in several."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lbm.config import VortexStreetConfig
from lbm.flow import Circle, Flow, Solver, check_density, vorticity
from lbm.inflow import relative_inflow
from lbm.numba_solver import NumbaSolver
from lbm.pylbm_solver import PylbmSolver
from lbm.run_file import create_run
from lbm.unfinished import Unfinished

CHECKPOINT_CHUNKS = 50
"""Intervals from checkpoint to checkpoint: a kill loses some seconds of work at the most."""


SOLVERS: dict[str, Callable[[Flow], Solver]] = {"numba": NumbaSolver, "pylbm": PylbmSolver}


def make_flow(street: VortexStreetConfig) -> Flow:
    """The street as a flow problem: uniform inlet, pressure outlet, slip walls, one circle."""
    circle = Circle(street.center, street.height / 2 + street.offset, street.diameter)
    return Flow(
        width=street.width,
        height=street.height,
        viscosity=street.viscosity,
        bulk_viscosity=street.bulk_viscosity,
        inlet=np.full(street.height, street.velocity),
        walls="slip",
        obstacles=(circle,),
        precision=street.precision,
    )


def initial_velocity(
    street: VortexStreetConfig, modes: int = 4
) -> tuple[Float[np.ndarray, "y x"], Float[np.ndarray, "y x"]]:
    """The inflow's velocity everywhere, plus a smooth random one, cells per tick.

    The perturbation derives from a stream function of `modes`² products of sines with normal
    amplitudes: it has no divergence, hence makes no sound, and does not cross the channel's walls.
    It breaks the symmetry that would otherwise last for thousands of ticks, and the seed decides
    the phase of the shedding.
    """
    x = np.pi * (np.arange(street.width) + 0.5) / street.width
    y = np.pi * (np.arange(street.height) + 0.5) / street.height
    amplitudes = np.random.default_rng(street.seed).standard_normal((modes, modes))
    ux = np.zeros((street.height, street.width))
    uy = np.zeros_like(ux)
    for m in range(1, modes + 1):
        for n in range(1, modes + 1):
            amplitude = amplitudes[m - 1, n - 1]
            along, across = n * np.pi / street.height, m * np.pi / street.width
            ux += amplitude * along * np.outer(np.cos(n * y), np.sin(m * x))
            uy -= amplitude * across * np.outer(np.sin(n * y), np.cos(m * x))
    scale = street.perturbation * street.velocity / np.sqrt(np.mean(ux**2 + uy**2))
    return street.velocity + scale * ux, scale * uy


def make_solver(street: VortexStreetConfig) -> Solver:
    """The street's solver, at its initial state.

    Raises:
        FlowError: the solver is not installed or does not compile.
    """
    flow = make_flow(street)
    solver = SOLVERS[street.solver](flow)
    ux, uy = initial_velocity(street)
    fluid = ~flow.solid()
    solver.initialise(ux * fluid, uy * fluid)
    return solver


def simulate(
    street: VortexStreetConfig, path: Path, progress: Callable[[int], object] = lambda ticks: None
) -> None:
    """Run a street and write its file; the file appears only when the run is complete.

    An interrupted run goes on from its last checkpoint, and ends with the same numbers as one that
    was not interrupted.

    Args:
        street: what to simulate. Frame k shows tick `warmup + (k + 1) · interval`.
        path: the HDF5 file to make.
        progress: called with the number of ticks done: first those of an earlier, interrupted
            call, if any.

    Raises:
        UnstableFlowError: the flow diverged; checked at least every `interval` ticks.
        BusyError: another process is at work on the same run.
        OSError: the file cannot be written.
    """
    solver = make_solver(street)
    solid = solver.flow.solid()
    inflow = relative_inflow(street)
    with Unfinished(path, street) as unfinished:
        unfinished.restore(solver)
        progress(solver.tick)
        for chunk, ticks in enumerate(_chunks(street, solver.tick), 1):
            forces = solver.advance(inflow[solver.tick : solver.tick + ticks])
            density, ux, uy = solver.macroscopic()
            check_density(density, solver.tick)
            if solver.tick > street.warmup:
                frame = (solver.tick - street.warmup) // street.interval - 1
                picture = np.where(solid, 0, vorticity(ux, uy)).astype(np.float32)
                unfinished.write(frame, picture, forces[-1])
            if chunk % CHECKPOINT_CHUNKS == 0:
                unfinished.checkpoint(solver)
            progress(ticks)
        with create_run(path, street, solid) as run:
            for frame, (picture, force) in enumerate(unfinished.frames()):
                run.write(frame, picture, street.warmup + (frame + 1) * street.interval, force)
        unfinished.remove()


def _chunks(street: VortexStreetConfig, tick: int) -> list[int]:
    """Ticks at a time from `tick` on: intervals, a shorter one where the warm-up ends."""
    left = max(street.warmup - tick, 0)
    warmup = [street.interval] * (left // street.interval)
    if rest := left % street.interval:
        warmup.append(rest)
    done = max(tick - street.warmup, 0) // street.interval
    return warmup + [street.interval] * (street.frames - done)
