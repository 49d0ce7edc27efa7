"""The second solver, based on the pylbm library: an independent check of the first.

Geometry, stencil, moments, collision and interpolated bounce-back are pylbm's own. Inlet, outlet
and slip walls, which it lacks, are the rules of `lbm.solvers.kernels` in NumPy, added as boundary
conditions. Only float64 is supported, without a body force.

Workarounds for pylbm:

- Importing it and building a domain parse the command line, so it is imported late, with the
  arguments hidden.
- It compiles for every simulation, into the working folder. The code is generated once, with the
  relaxation rates as arguments, and kept in the user's cache.
- Its monitor records every call; the records are cleared.
- Values in cells inside obstacles grow without bound; they are reset.
"""

import numpy as np
from jaxtyping import Float

from lbm.errors import FlowError
from lbm.flow import Flow
from lbm.solvers.lattice import VELOCITIES, WEIGHTS, equilibrium, relaxation_rates
from lbm.solvers.pylbm_build import build_simulation

_W = WEIGHTS[:, None, None]


class PylbmSolver:
    """Solver of a `Flow` with the interface `lbm.flow.Solver`.

    The state consists of the populations after collision at `tick`, with all cells outside the
    fluid set for the next tick, as in `NumbaSolver`.

    Raises:
        FlowError: pylbm does not support the flow, or cannot be imported or compiled.
    """

    def __init__(self, flow: Flow) -> None:
        if any(flow.force):
            raise FlowError("solver = 'pylbm': it has no body force, use 'numba'")
        if flow.precision != "float64":
            raise FlowError(f"precision = {flow.precision!r}: pylbm supports only 'float64'")
        self.flow = flow
        self.tick = 0
        self._solid = flow.solid()
        self._simulation = build_simulation(flow)
        rates = relaxation_rates(flow.viscosity, flow.bulk_viscosity)
        self._simulation.extra_parameters = {"bulk": rates[3], "shear": rates[4]}
        self._edges = [m for m in self._simulation.bc.methods if hasattr(m, "inflow")]
        self._surfaces = [m for m in self._simulation.bc.methods if hasattr(m, "force")]
        self.restore(np.zeros((9, flow.height, flow.width)), tick=0)

    def initialise(
        self,
        ux: Float[np.ndarray, "y x"],
        uy: Float[np.ndarray, "y x"],
        density: Float[np.ndarray, "y x"] | None = None,
    ) -> None:
        """Set the fluid to equilibrium at a velocity (cells per tick) and density (default 1)."""
        density = np.ones_like(ux) if density is None else density
        self.restore(equilibrium(density, ux, uy) - _W, tick=0)

    def advance(self, inflow: Float[np.ndarray, " tick"]) -> Float[np.ndarray, "tick xy=2"]:
        """Advance by `len(inflow)` ticks, with the inlet profile scaled by `inflow` at each."""
        from pylbm.monitoring import Monitor

        simulation = self._simulation
        container = simulation.container
        forces = np.zeros((len(inflow), 2))
        self._reset_solid()
        for tick, speed in enumerate(inflow):
            simulation.algo.call_function("one_time_step", simulation)
            container.F, container.Fnew = container.Fnew, container.F
            self._bound(speed)
            forces[tick] = sum((surface.force for surface in self._surfaces), np.zeros(2))
            if tick % 256 == 0:
                Monitor.func.clear()
        self.tick += len(inflow)
        return forces

    def _bound(self, inflow: float) -> None:
        for method in self._edges:
            method.inflow = inflow
        self._simulation.boundary_condition()

    def _reset_solid(self) -> None:
        """Reset cells inside obstacles, except the populations that fluid cells will pull."""
        f = self._simulation.container.F.swaparray
        kept = [(tuple(s.istore.T), f[tuple(s.istore.T)]) for s in self._surfaces]
        inside = np.zeros(f.shape[1:], bool)
        inside[1:-1, 1:-1] = self._solid.T
        f[:, inside] = WEIGHTS[:, None]
        for slots, values in kept:
            f[slots] = values

    def macroscopic(
        self,
    ) -> tuple[Float[np.ndarray, "y x"], Float[np.ndarray, "y x"], Float[np.ndarray, "y x"]]:
        """Return density and velocity, with density 1 and velocity 0 in solid cells."""
        h = self.populations()[:, 1:-1, 1:-1]
        density = 1 + h.sum(axis=0)
        density[self._solid] = 1
        ux, uy = np.tensordot(VELOCITIES.T, h, axes=1) / density
        ux[self._solid] = 0
        uy[self._solid] = 0
        return density, ux, uy

    def populations(self) -> Float[np.ndarray, "direction=9 y x"]:
        """Return the complete state for `restore`: deviations from rest, with ghost cells.

        This is exact: f is so close to w that neither the subtraction nor the later addition is
        rounded (Sterbenz).
        """
        return np.ascontiguousarray(self._simulation.container.F.swaparray.swapaxes(1, 2)) - _W

    def restore(self, populations: Float[np.ndarray, "direction=9 y x"], tick: int) -> None:
        """Continue from an earlier `populations()`, or from deviations without ghost cells."""
        f = self._simulation.container.F.swaparray.swapaxes(1, 2)
        if populations.shape[2] == self.flow.width + 2:
            f[:] = populations + _W
        else:
            f[:] = _W
            f[:, 1:-1, 1:-1] += populations
            self._bound(1.0)
        self.tick = tick
