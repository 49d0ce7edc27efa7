"""Boundary conditions that pylbm lacks, and the force on obstacles.

This module imports pylbm and must be imported late.
"""

from typing import Any

import numpy as np
import pylbm
from jaxtyping import Float
from numpy.typing import NDArray

from lbm.flow import Flow
from lbm.solvers.lattice import OPPOSITE, VELOCITIES, WEIGHTS

_MIRRORED = np.array([0, 1, 4, 3, 2, 8, 7, 6, 5])
"""Directions mirrored at an axis along x."""


class Surface(pylbm.bc.BouzidiBounceBack):
    """Interpolated bounce-back of pylbm that also computes the force on the obstacles."""

    force = np.zeros(2)

    def update(self, ff: Any, **kwargs: Any) -> None:
        """Reflect, and compute the momentum exchange of leaving plus returning populations."""
        super().update(ff, **kwargs)
        leaving, returning = self.iload[0].T, self.istore.T  # each (direction, x, y)
        exchanged = ff[tuple(leaving)] + ff[tuple(returning)]
        self.force = exchanged @ VELOCITIES[leaving[0]]


def make_edges(flow: Flow) -> type[pylbm.bc.BoundaryMethod]:
    """Return the inlet, outlet and side walls of `lbm.solvers.kernels` as a boundary condition.

    pylbm instantiates it with the links that cross the edges of the domain. They are few, so NumPy
    is fast enough.
    """

    class Edges(pylbm.bc.BoundaryMethod):
        inflow = 1.0
        istore: NDArray[np.int64]  # set by pylbm: (direction, x, y) of each link

        def set_iload(self) -> None:
            """Sort the links by edge; corners belong to the inlet and the outlet."""
            if flow.inlet is None:
                right, top = flow.width + 1, flow.height + 1
                corners = [[5, 6, 8, 7], [0, right, 0, right], [0, 0, top, top]]
                self.istore = np.append(self.istore, corners, axis=1)  # pylbm omits them
            incoming, x, y = self.istore
            cx, cy = VELOCITIES[incoming].T
            streams = flow.inlet is not None
            self._left, self._right = streams & (x == 0), streams & (x == flow.width + 1)
            wall = ~(self._left | self._right)
            back = ~wall if flow.walls == "slip" else np.ones_like(wall)
            self._source = np.where(
                back, [OPPOSITE[incoming], x + cx, y + cy], [_MIRRORED[incoming], x, y + cy]
            )
            profile = np.zeros(flow.height) if flow.inlet is None else flow.inlet
            speed = np.where(self._left, profile[np.clip(y + cy - 1, 0, flow.height - 1)], 0)
            self._push = 6 * WEIGHTS[incoming] * cx * speed
            self._incoming, self._velocity = incoming, VELOCITIES[incoming]

        def update(self, ff: Any, **_: Any) -> None:
            """Set the cells outside the domain to what those inside will pull."""
            source = ff[tuple(self._source)]
            arriving = source + self._push * self.inflow
            right = self._right
            x, y = self._source[1, right], self._source[2, right]
            cells = ff.swaparray[:, x, y]  # f, direction by link
            arriving[right] = _pressure(cells, self._incoming[right]) - source[right]
            ff[tuple(self.istore)] = arriving

        def generate(self, sorder: Any) -> None:
            """Do nothing: there is nothing to compile."""

        def prepare_rhs(self, simulation: Any) -> None:
            """Do nothing: there is nothing to prepare."""

        def fix_iload(self) -> None:
            """Do nothing: there is nothing to transpose."""

        def set_rhs(self) -> None:
            """Do nothing: `update` does it all."""

    return Edges


def _pressure(
    cells: Float[np.ndarray, "direction=9 link"], incoming: NDArray[np.int64]
) -> Float[np.ndarray, " link"]:
    """Return twice the even part of the equilibrium of density 1 at the velocity of the cells."""
    ux, uy = VELOCITIES.T @ cells / cells.sum(axis=0)
    along = VELOCITIES[incoming, 0] * ux + VELOCITIES[incoming, 1] * uy
    return 2 * WEIGHTS[incoming] * (1 + 4.5 * along**2 - 1.5 * (ux**2 + uy**2))
