"""Flow problem in lattice units, and the interface of the solvers.

Positions are measured from the lower left corner of the domain: cell (y, x) covers [x, x + 1] ×
[y, y + 1], its centre is (x + 1/2, y + 1/2), and walls are on the edges of the domain.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from lbm.errors import UnstableFlowError

DENSITY_RANGE = (0.7, 1.3)
"""At Ma < 0.15 the density varies by a few per cent; outside this range the flow has diverged."""


# One coordinate, or an array of them, in cells.
Coordinates = NDArray[np.float64] | float


@dataclass(frozen=True)
class Circle:
    """A solid disc with centre and diameter in cells."""

    x: float
    y: float
    diameter: float

    def covers(self, x: Coordinates, y: Coordinates) -> NDArray[np.bool_] | np.bool_ | bool:
        """Return True for points inside or on the rim."""
        return (x - self.x) ** 2 + (y - self.y) ** 2 <= (self.diameter / 2) ** 2


@dataclass(frozen=True)
class Flow:
    """Domain, fluid, edges and obstacles.

    Attributes:
        width: Cells along x.
        height: Cells along y.
        viscosity: Kinematic shear viscosity, cells² per tick.
        bulk_viscosity: Kinematic bulk viscosity, cells² per tick.
        inlet: Velocity along x at the left edge, (height,) cells per tick; the right edge is then
            an outlet at density 1. If None, the flow is periodic along x.
        walls: Boundary condition below and above.
        obstacles: Solid discs, which touch no edge and no other disc.
        force: Body force on a cell of density 1 along x and y, cells per tick².
        interpolate: If True, place the surface of obstacles exactly (Bouzidi), otherwise halfway
            between cell centres.
        precision: Floating-point type of the populations.
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
        """Return the mask of cells whose centre is in an obstacle."""
        x, y = self.cell_centers()
        covered = np.zeros((self.height, self.width), bool)
        for obstacle in self.obstacles:
            covered |= obstacle.covers(x, y)
        return covered

    def cell_centers(self) -> tuple[Float[np.ndarray, "1 x"], Float[np.ndarray, "y 1"]]:
        """Return the coordinates of the cell centres, broadcastable to (y, x)."""
        return np.arange(self.width)[None] + 0.5, np.arange(self.height)[:, None] + 0.5


@runtime_checkable
class Solver(Protocol):
    """Interface of a solver of one flow; `NumbaSolver` is the default."""

    flow: Flow
    tick: int

    def initialise(
        self,
        ux: Float[np.ndarray, "y x"],
        uy: Float[np.ndarray, "y x"],
        density: Float[np.ndarray, "y x"] | None = None,
    ) -> None:
        """Set the fluid to equilibrium at a velocity (cells per tick) and density (default 1)."""

    def advance(self, inflow: Float[np.ndarray, " tick"]) -> Float[np.ndarray, "tick xy=2"]:
        """Advance by `len(inflow)` ticks, with the inlet profile scaled by `inflow` at each.

        Returns the force of the fluid on all obstacles at each tick, in lattice units.
        """

    def macroscopic(
        self,
    ) -> tuple[Float[np.ndarray, "y x"], Float[np.ndarray, "y x"], Float[np.ndarray, "y x"]]:
        """Return density and velocity, with density 1 and velocity 0 in solid cells."""

    def populations(self) -> Float[np.ndarray, "direction=9 y x"]:
        """Return the complete state, from which `restore` continues bit for bit."""

    def restore(self, populations: Float[np.ndarray, "direction=9 y x"], tick: int) -> None:
        """Continue from an earlier state."""


def check_density(density: Float[np.ndarray, "y x"], tick: int) -> None:
    """Check that a flow has not diverged.

    Raises:
        UnstableFlowError: A density is not a number or outside `DENSITY_RANGE`.
    """
    low, high = float(density.min()), float(density.max())
    # comparisons with NaN are false, so test for the valid range
    if not (low > DENSITY_RANGE[0] and high < DENSITY_RANGE[1]):
        raise UnstableFlowError(
            f"the flow has diverged at tick {tick}: density from {low:.3g} to {high:.3g}, it must "
            f"stay within {DENSITY_RANGE[0]} to {DENSITY_RANGE[1]} "
            f"(lower reynolds or velocity, or raise bulk_viscosity)"
        )


def vorticity(
    ux: Float[np.ndarray, "y x"], uy: Float[np.ndarray, "y x"]
) -> Float[np.ndarray, "y x"]:
    """Return the curl of the velocity (1/tick): second-order differences, one-sided at edges."""
    return np.gradient(uy, axis=1) - np.gradient(ux, axis=0)
