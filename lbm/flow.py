"""A flow problem in lattice units: what a solver is given, whatever program it is.

Positions count from the lower left corner of the domain: cell (y, x) covers [x, x + 1] by
[y, y + 1],
its centre lies at (x + 1/2, y + 1/2), walls lie on the domain's edges.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from lbm.errors import UnstableFlowError

DENSITY_RANGE = (0.7, 1.3)
"""A flow at Ma < 0.15 changes density by a few per cent; outside of this it has diverged."""


@dataclass(frozen=True)
class Circle:
    """A solid disc: centre and diameter in cells."""

    x: float
    y: float
    diameter: float

    def covers(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether points lie inside or on the rim."""
        return (x - self.x) ** 2 + (y - self.y) ** 2 <= (self.diameter / 2) ** 2


@dataclass(frozen=True)
class Flow:
    """Domain, fluid, edges and obstacles.

    Attributes:
        width: cells along x.
        height: cells along y.
        viscosity: kinematic shear viscosity, cells² per tick.
        bulk_viscosity: kinematic bulk viscosity, cells² per tick.
        inlet: velocity along x at the left edge, (height,) cells per tick; the right edge is then
            an outlet at density 1. None makes the flow periodic along x.
        walls: what bounds the flow below and above.
        obstacles: solid discs, which touch no edge and no other disc.
        force: body force on a cell of density 1 along x and y, cells per tick².
        interpolate: place the obstacles' surface exactly (Bouzidi) rather than halfway between
            cell centres.
        precision: arithmetic of the populations.
    """

    width: int
    height: int
    viscosity: float
    bulk_viscosity: float
    inlet: NDArray[np.float64] | None = None
    walls: Literal["periodic", "slip", "no-slip"] = "periodic"
    obstacles: tuple[Circle, ...] = ()
    force: tuple[float, float] = (0.0, 0.0)
    interpolate: bool = True
    precision: Literal["float32", "float64"] = "float64"

    def solid(self) -> Bool[np.ndarray, "y x"]:
        """Cells whose centre lies in an obstacle."""
        x, y = self.cell_centers()
        covered = np.zeros((self.height, self.width), bool)
        for obstacle in self.obstacles:
            covered |= obstacle.covers(x, y)
        return covered

    def cell_centers(self) -> tuple[Float[np.ndarray, "1 x"], Float[np.ndarray, "y 1"]]:
        """Coordinates of the cells' centres, ready to broadcast."""
        return np.arange(self.width)[None] + 0.5, np.arange(self.height)[:, None] + 0.5


class Solver(Protocol):
    """A program that advances one flow; `NumbaSolver` is the default one."""

    flow: Flow
    tick: int

    def initialise(
        self,
        ux: Float[np.ndarray, "y x"],
        uy: Float[np.ndarray, "y x"],
        density: Float[np.ndarray, "y x"] | None = None,
    ) -> None:
        """Set the fluid to equilibrium at this velocity (cells per tick) and density (1)."""

    def advance(self, inflow: Float[np.ndarray, " tick"]) -> Float[np.ndarray, "tick xy=2"]:
        """Advance by `len(inflow)` ticks, the inlet's profile multiplied by `inflow` at each.

        Returns the force of the fluid on all obstacles at every tick, in lattice units.
        """

    def macroscopic(
        self,
    ) -> tuple[Float[np.ndarray, "y x"], Float[np.ndarray, "y x"], Float[np.ndarray, "y x"]]:
        """Density and velocity now, with density 1 and velocity 0 in solid cells."""

    def populations(self) -> Float[np.ndarray, "direction=9 y x"]:
        """The whole state: what `restore` continues from, bit for bit."""

    def restore(self, populations: Float[np.ndarray, "direction=9 y x"], tick: int) -> None:
        """Continue from an earlier state."""


def check_density(density: Float[np.ndarray, "y x"], tick: int) -> None:
    """Stop a flow that has diverged.

    Raises:
        UnstableFlowError: a density is not a number or outside of `DENSITY_RANGE`.
    """
    low, high = float(density.min()), float(density.max())
    # NaN compares as false, so the condition must be that all is well
    if not (low > DENSITY_RANGE[0] and high < DENSITY_RANGE[1]):
        raise UnstableFlowError(
            f"the flow has diverged at tick {tick}: density from {low:.3g} to {high:.3g}, it must "
            f"stay within {DENSITY_RANGE[0]} to {DENSITY_RANGE[1]} "
            f"(lower reynolds or velocity, or raise bulk_viscosity)"
        )


def vorticity(
    ux: Float[np.ndarray, "y x"], uy: Float[np.ndarray, "y x"]
) -> Float[np.ndarray, "y x"]:
    """Curl of the velocity, per tick: second-order differences, one-sided on the edges."""
    return np.gradient(uy, axis=1) - np.gradient(ux, axis=0)
