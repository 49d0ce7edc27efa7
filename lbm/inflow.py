"""The inflow over time: steady, or modulated slowly and at random.

A street in a steady stream nearly repeats itself, so its future can be looked up. With a modulated
inflow, which nothing in the picture foretells, the future is open.
"""

import numpy as np
from jaxtyping import Float

from lbm.config import MODULATION_LIMIT, VortexStreetConfig

KNOTS = 16
"""Knots of the modulation in one correlation time; it is linear between them."""


def relative_inflow(street: VortexStreetConfig) -> Float[np.ndarray, " tick"]:
    """The inflow at every tick, over its mean.

    An Ornstein–Uhlenbeck process of standard deviation `modulation` and correlation time
    `modulation_time`, reflected at twice the standard deviation, around 1. It is reflected rather
    than cut, since at a bound where it stayed for a while the flow would be steady, and runs alike.
    It follows from the seed.
    """
    if street.modulation == 0:
        return np.ones(street.total_ticks)
    spacing = street.modulation_time / KNOTS
    knots = int(np.ceil(street.total_ticks / spacing)) + 1
    # A stream of its own, so that the initial perturbation of a seed stays what it is.
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
    """Values beyond ±`bound` mirrored there, as often as it takes."""
    return bound - np.abs((values + bound) % (4 * bound) - 2 * bound)
