"""Velocity set D2Q9, raw moments and equilibrium in NumPy: the reference implementation.

The solvers are tested against this module, which is written for clarity, not speed.
"""

from typing import Final

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

#        6   2   5
#         \  |  /
#        3 ─ 0 ─ 1      y grows upwards, with the row index
#         /  |  \
#        7   4   8
VELOCITIES: Final[NDArray[np.int64]] = np.array(
    [[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1], [1, 1], [-1, 1], [-1, -1], [1, -1]]
)
"""Velocities (direction, xy), cells per tick."""

WEIGHTS: Final[NDArray[np.float64]] = np.array([4 / 9] + 4 * [1 / 9] + 4 * [1 / 36])
"""Weights (direction,): equilibrium at rest with density 1."""

OPPOSITE: Final[NDArray[np.int64]] = np.array([0, 3, 4, 1, 2, 7, 8, 5, 6])
"""Index (direction,) of the opposite velocity."""

_CX, _CY = VELOCITIES.T.astype(np.float64)

MOMENTS: Final[NDArray[np.float64]] = np.stack(
    [
        np.ones(9),  # density
        _CX,  # momentum
        _CY,
        _CX**2 + _CY**2,  # trace of the stress: relaxes with the bulk rate
        _CX**2 - _CY**2,  # its deviator: relaxes with the shear rate
        _CX * _CY,
        _CX * _CY**2,  # third and fourth order: set to equilibrium (rate 1)
        _CX**2 * _CY,
        _CX**2 * _CY**2,
    ]
)
"""Matrix (moment, direction) from populations to raw moments."""


def relaxation_rates(viscosity: float, bulk_viscosity: float) -> Float[np.ndarray, "moment=9"]:
    """Return the relaxation rates of the nine moments for kinematic viscosities (cells² per tick).

    A viscosity ν requires the rate 1 / (3ν + 1/2); the rates of conserved moments do not matter.
    """
    bulk, shear = 1 / (3 * bulk_viscosity + 0.5), 1 / (3 * viscosity + 0.5)
    return np.array([0, 0, 0, bulk, shear, shear, 1, 1, 1])


def equilibrium_moments(
    density: Float[np.ndarray, "*grid"],
    ux: Float[np.ndarray, "*grid"],
    uy: Float[np.ndarray, "*grid"],
) -> Float[np.ndarray, "moment=9 *grid"]:
    """Return the raw moments of the product-form equilibrium, exact Maxwellian moments on D2Q9.

    It contains the cubic and quartic velocity terms that the common second-order equilibrium omits.
    This removes an error of order Mach² in the shear viscosity across the flow.
    """
    pxx, pyy = 1 / 3 + ux**2, 1 / 3 + uy**2
    return density * np.stack(
        [np.ones_like(ux), ux, uy, pxx + pyy, pxx - pyy, ux * uy, ux * pyy, uy * pxx, pxx * pyy]
    )


def equilibrium(
    density: Float[np.ndarray, "*grid"],
    ux: Float[np.ndarray, "*grid"],
    uy: Float[np.ndarray, "*grid"],
) -> Float[np.ndarray, "direction=9 *grid"]:
    """Return the equilibrium populations at a density (around 1) and velocity (cells per tick)."""
    moments = equilibrium_moments(density, ux, uy)
    return np.tensordot(np.linalg.inv(MOMENTS), moments, axes=1)


def collide(
    populations: Float[np.ndarray, "direction=9 *grid"], viscosity: float, bulk_viscosity: float
) -> Float[np.ndarray, "direction=9 *grid"]:
    """Collide without force: each moment relaxes towards equilibrium at its own rate."""
    moments = np.tensordot(MOMENTS, populations, axes=1)
    density, jx, jy = moments[:3]
    rates = relaxation_rates(viscosity, bulk_viscosity).reshape(9, *[1] * (populations.ndim - 1))
    moments += rates * (equilibrium_moments(density, jx / density, jy / density) - moments)
    return np.tensordot(np.linalg.inv(MOMENTS), moments, axes=1)


def stream(
    populations: Float[np.ndarray, "direction=9 y x"],
) -> Float[np.ndarray, "direction=9 y x"]:
    """Move each population by one cell along its velocity in a periodic box."""
    return np.stack(
        [
            np.roll(population, (cy, cx), axis=(0, 1))
            for population, (cx, cy) in zip(populations, VELOCITIES, strict=True)
        ]
    )
