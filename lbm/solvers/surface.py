"""Links of interpolated bounce-back between fluid and obstacles, computed once per run.

A population that leaves fluid cell A towards solid cell S returns to A. Bouzidi, Firdaouss &
Lallemand (Phys. Fluids 13, 2001) interpolate it for a surface that cuts the link at the fraction q
of its length, which is second-order accurate for curved walls; q = 1/2 is halfway bounce-back.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from lbm.flow import Circle, Flow
from lbm.solvers.lattice import OPPOSITE, VELOCITIES


@dataclass(frozen=True)
class Links:
    """Reflections: population[target] = near · population[leaving] + far · population[other].

    Positions are triples (direction, y, x). The target is the population of the solid cell from
    which the fluid cell will pull, so reflection precedes streaming, and streaming needs no branch.
    """

    target: Int[np.ndarray, "link 3"]
    leaving: Int[np.ndarray, "link 3"]
    other: Int[np.ndarray, "link 3"]
    near: Float[np.ndarray, " link"]
    far: Float[np.ndarray, " link"]
    velocity: Int[np.ndarray, "link 2"]
    """Velocity of the population that leaves the fluid, along x and y."""


def cut_fraction(circle: Circle, x: float, y: float, cx: int, cy: int) -> float:
    """Return the fraction in (0, 1] of the step (cx, cy) from (x, y) at which the rim is crossed.

    It is the smaller root of |p + q c − centre|² = R².
    """
    dx, dy, radius = x - circle.x, y - circle.y, circle.diameter / 2
    a, b, c = cx**2 + cy**2, dx * cx + dy * cy, dx**2 + dy**2 - radius**2
    return float((-b - np.sqrt(max(b**2 - a * c, 0.0))) / a)


def find_links(flow: Flow) -> Links:
    """Find the links of all obstacles of a flow."""
    solid = flow.solid()
    places: list[tuple[list[int], list[int], list[int]]] = []
    coefficients: list[tuple[float, float]] = []
    velocities: list[NDArray[np.int64]] = []
    for y_solid, x_solid in np.argwhere(solid):
        for i in range(1, 9):
            cx, cy = VELOCITIES[i]  # from the solid cell back into the fluid
            y, x = y_solid + cy, x_solid + cx
            if solid[y, x]:
                continue
            back = OPPOSITE[i]
            q = 0.5
            if flow.interpolate and not solid[y + cy, x + cx]:
                q = next(
                    cut_fraction(circle, x + 0.5, y + 0.5, -cx, -cy)
                    for circle in flow.obstacles
                    if circle.covers(x_solid + 0.5, y_solid + 0.5)
                )
            if q < 0.5:
                other, near, far = [back, y + cy, x + cx], 2 * q, 1 - 2 * q
            else:
                other, near, far = [i, y, x], 1 / (2 * q), 1 - 1 / (2 * q)
            places.append(([i, y_solid, x_solid], [back, y, x], other))
            coefficients.append((near, far))
            velocities.append(VELOCITIES[back])
    indices = np.array(places, np.int64).reshape(-1, 3, 3)
    weights = np.array(coefficients, np.float64).reshape(-1, 2)
    return Links(
        indices[:, 0],
        indices[:, 1],
        indices[:, 2],
        weights[:, 0],
        weights[:, 1],
        np.array(velocities, np.int64).reshape(-1, 2),
    )
