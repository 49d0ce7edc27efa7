"""Simulation of a vortex street from its parameters to its run file, with resumption."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lbm.config import VortexStreetConfig
from lbm.flow import Circle, Flow, Solver, check_density, vorticity
from lbm.inflow import relative_inflow
from lbm.runs.run_file import create_run, is_run_of
from lbm.runs.unfinished_run import UnfinishedRun
from lbm.solvers.numba_solver import NumbaSolver
from lbm.solvers.pylbm_solver import PylbmSolver

CHECKPOINT_CHUNKS = 50
"""Intervals between checkpoints: a kill loses a few seconds of work at most."""

SOLVERS: dict[str, Callable[[Flow], Solver]] = {"numba": NumbaSolver, "pylbm": PylbmSolver}


def make_flow(street: VortexStreetConfig) -> Flow:
    """Build the flow problem: uniform inlet, pressure outlet, slip walls, one circle."""
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
    """Return the inflow velocity with a smooth random perturbation, cells per tick.

    The perturbation has a stream function of `modes`² products of sines with normal amplitudes, so
    it is free of divergence, creates no sound, and does not cross the channel walls. It breaks the
    symmetry, which would otherwise persist for thousands of ticks; the seed determines the phase of
    the shedding.
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
    """Create the solver of a street in its initial state.

    Raises:
        FlowError: The solver is not installed or does not compile.
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
    """Simulate a street and write its run file, which appears when the run is complete.

    An interrupted run resumes from its last checkpoint, and gives the same numbers as an
    uninterrupted one. While another process computes the run, this one waits for it.

    Args:
        street: Parameters of the run. Frame k shows tick `warmup + (k + 1) · interval`.
        path: Path of the HDF5 file.
        progress: Function called with the number of ticks computed since the last call; the first
            call includes those of an earlier, interrupted run.

    Raises:
        UnstableFlowError: The flow has diverged; checked at least every `interval` ticks.
        LockError: The file system does not support locks.
        OSError: The file cannot be written.
    """
    solver = make_solver(street)
    solid = solver.flow.solid()
    inflow = relative_inflow(street)
    with UnfinishedRun(path, street) as unfinished:
        if unfinished.waited and is_run_of(path, street):
            unfinished.remove()
            return
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
    """Divide the ticks after `tick` into intervals; a shorter one may end the warm-up."""
    left = max(street.warmup - tick, 0)
    warmup = [street.interval] * (left // street.interval)
    if rest := left % street.interval:
        warmup.append(rest)
    done = max(tick - street.warmup, 0) // street.interval
    return warmup + [street.interval] * (street.frames - done)
