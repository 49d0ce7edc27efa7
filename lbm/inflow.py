"""Inflow over time: steady, or with a slow random modulation.

In a steady inflow the vortex street nearly repeats itself, so its future can be looked up. A
modulated inflow cannot be predicted from the frames, so the future is uncertain.
"""

import numpy as np
from jaxtyping import Float

from lbm.config import MODULATION_LIMIT, VortexStreetConfig

KNOTS = 16
"""Knots per correlation time of the modulation, which is linear between them."""


def relative_inflow(street: VortexStreetConfig) -> Float[np.ndarray, " tick"]:
    """Return the inflow at each tick, divided by its mean.

    It is an Ornstein–Uhlenbeck process around 1 with standard deviation `modulation` and
    correlation time `modulation_time`, reflected at twice the standard deviation. It is reflected
    rather than clipped, since the flow would be steady, and runs similar, while it stays at a
    bound. It is determined by the seed.
    """
    if street.modulation == 0:
        return np.ones(street.total_ticks)
    spacing = street.modulation_time / KNOTS
    knots = int(np.ceil(street.total_ticks / spacing)) + 1
    # A separate random stream, so the initial perturbation of a seed does not change.
    generator = np.random.default_rng([street.seed, 1])
    kept = np.exp(-1 / KNOTS)
    noise = generator.standard_normal(knots) * np.sqrt(1 - kept**2)
    values = np.empty(knots)
    values[0] = generator.standard_normal()
    for knot in range(1, knots):
        values[knot] = kept * values[knot - 1] + noise[knot]
    ticks = np.arange(street.total_ticks)
    bounded = _reflected(values, MODULATION_LIMIT)
    return 1 + street.modulation * np.interp(ticks, spacing * np.arange(knots), bounded)


def _reflected(values: Float[np.ndarray, " knot"], bound: float) -> Float[np.ndarray, " knot"]:
    """Reflect values beyond ±`bound`, repeatedly if necessary."""
    return bound - np.abs((values + bound) % (4 * bound) - 2 * bound)
