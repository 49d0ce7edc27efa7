"""The default solver: compiled, single-threaded loops."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from lbm.flow import Flow
from lbm.solvers import kernels
from lbm.solvers.lattice import WEIGHTS, equilibrium, relaxation_rates
from lbm.solvers.memory import allocate_populations
from lbm.solvers.surface import find_links

_WALLS = {"periodic": kernels.PERIODIC, "slip": kernels.SLIP, "no-slip": kernels.NO_SLIP}


class NumbaSolver:
    """Solver of a `Flow` with the interface `lbm.flow.Solver`.

    The flow starts at rest. The state consists of the populations after collision at `tick`, with
    all ghost and solid cells set for the next tick.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.tick = 0
        kind = np.dtype(flow.precision).type
        rates = relaxation_rates(flow.viscosity, flow.bulk_viscosity)
        self._rates = (kind(rates[3]), kind(rates[4]))
        self._force = (kind(flow.force[0]), kind(flow.force[1])) if any(flow.force) else None
        self._walls = _WALLS[flow.walls]
        self._profile = np.asarray([] if flow.inlet is None else flow.inlet, kind)
        self._solid = flow.solid()
        self._now = allocate_populations(flow.height, flow.width, kind)
        self._next = allocate_populations(flow.height, flow.width, kind)
        self._surface = self._find_surface(kind)

    def _find_surface(self, kind: type[np.floating]) -> tuple[NDArray[np.generic], ...]:
        """Return the solid cells and links as flat indices into the padded arrays."""
        links = find_links(self.flow)
        shape = self._now.shape

        def flat(places: NDArray[np.int64]) -> NDArray[np.int64]:
            direction, y, x = places.T
            return np.ravel_multi_index((direction, y + 1, x + 1), shape).astype(np.int64)

        solid = np.ravel_multi_index(np.nonzero(np.pad(self._solid, 1)), shape[1:])
        places = [flat(p) for p in (links.target, links.leaving, links.other)]
        return (solid, *places, links.near.astype(kind), links.far.astype(kind), links.velocity)

    def initialise(
        self,
        ux: Float[np.ndarray, "y x"],
        uy: Float[np.ndarray, "y x"],
        density: Float[np.ndarray, "y x"] | None = None,
    ) -> None:
        """Set the fluid to equilibrium at a velocity (cells per tick) and density (default 1)."""
        density = np.ones_like(ux) if density is None else density
        # the state after a collision, which has added the force of a whole tick: see `macroscopic`
        ux = ux + self.flow.force[0] / 2 / density
        uy = uy + self.flow.force[1] / 2 / density
        self.restore(equilibrium(density, ux, uy) - WEIGHTS[:, None, None], tick=0)

    def advance(self, inflow: Float[np.ndarray, " tick"]) -> Float[np.ndarray, "tick xy=2"]:
        """Advance by `len(inflow)` ticks, with the inlet profile scaled by `inflow` at each."""
        forces = np.zeros((len(inflow), 2))
        inflow = np.ascontiguousarray(inflow, self._now.dtype)
        kernels.advance(
            self._now,
            self._next,
            self.flow.width,
            self._rates,
            self._force,
            self._walls,
            self._profile,
            inflow,
            self._surface,
            forces,
        )
        if len(inflow) % 2:
            self._now, self._next = self._next, self._now
        self.tick += len(inflow)
        return forces

    def macroscopic(
        self,
    ) -> tuple[Float[np.ndarray, "y x"], Float[np.ndarray, "y x"], Float[np.ndarray, "y x"]]:
        """Return density and velocity, with density 1 and velocity 0 in solid cells."""
        h = self._now[:, 1:-1, 1 : self.flow.width + 1]
        density = 1 + h.sum(axis=0)
        # collision has added the whole body force; the velocity at mid-tick contains half of it
        ux = (h[1] - h[3] + h[5] - h[6] - h[7] + h[8] - self.flow.force[0] / 2) / density
        uy = (h[2] - h[4] + h[5] + h[6] - h[7] - h[8] - self.flow.force[1] / 2) / density
        density[self._solid] = 1
        ux[self._solid] = 0
        uy[self._solid] = 0
        return density, ux, uy

    def populations(self) -> Float[np.ndarray, "direction=9 y x"]:
        """Return the complete state for `restore`: deviations from rest, with ghost cells."""
        return self._now[:, :, : self.flow.width + 2].copy()

    def restore(self, populations: Float[np.ndarray, "direction=9 y x"], tick: int) -> None:
        """Continue from an earlier `populations()`, or from deviations without ghost cells."""
        width = self.flow.width
        if populations.shape[2] == width + 2:
            self._now[:, :, : width + 2] = populations
        else:
            self._now[:, 1:-1, 1 : width + 1] = populations
            one = self._now.dtype.type(1)
            kernels.apply_boundaries(
                self._now, width, self._walls, self._profile, one, self._surface
            )
        self.tick = tick
