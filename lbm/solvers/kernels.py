"""Compiled inner loops: streaming and collision in one pass, row by row, and the boundaries.

Populations are stored as deviations h_i = f_i − w_i from rest, which keeps float32 accurate, in
arrays (direction, y, x) with one ghost cell around the domain; columns beyond the right ghost only
pad the rows (see `memory`). Between two passes, ghost and solid cells are set to the values
that their fluid neighbours will pull, so the pass itself has no branches and vectorises. Ghost
corners belong to the inlet and the outlet.

All compiled code is in this file, since Numba's cache only detects changes in the file of the
function that is called, not in those of the functions it calls.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

PERIODIC, SLIP, NO_SLIP = 0, 1, 2

FASTMATH = {"reassoc", "nsz", "arcp", "contract"}
"""Optimisations allowed to the compiler: sums in any order, but correct handling of NaN."""


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile for one thread, and cache the result next to the module or in the user's cache.

    `error_model="numpy"` is required: Python's check for division by zero prevents vectorisation.
    """
    try:
        return numba.njit(function, cache=True, error_model="numpy", fastmath=FASTMATH)
    except RuntimeError:  # no cache folder is writable: compile at each start
        return numba.njit(function, error_model="numpy", fastmath=FASTMATH)


@_compiled
def _collide(h0, h1, h2, h3, h4, h5, h6, h7, h8, bulk, shear, force, one, half, quarter, third):
    """Collide in one cell, in raw moments; `lattice.collide` is the reference implementation.

    The number of operations is kept small, since half of the time is arithmetic. `force` is None or
    a pair; None compiles to a kernel without it. The moments of the force, each multiplied by
    1 − rate/2, are those of Guo, Zheng & Shi (Phys. Rev. E 65, 2002).
    """
    along, across = h5 + h7, h6 + h8
    east, south = h5 - h7, h8 - h6
    horizontal, vertical = h1 + h3, h2 + h4
    diagonal = along + across
    straight = horizontal + vertical
    deviation = h0 + straight + diagonal  # density − 1
    jx = (h1 - h3) + (east + south)
    jy = (h2 - h4) + (east - south)
    trace = straight + (diagonal + diagonal)
    deviator = horizontal - vertical
    pxy = along - across
    if force is not None:
        fx, fy = force
        jx += half * fx
        jy += half * fy
    inverse = one / (one + deviation)
    ux = jx * inverse
    uy = jy * inverse
    exx, eyy, exy = jx * ux, jy * uy, jx * uy
    energy = exx + eyy
    trace += bulk * (((third + third) * deviation + energy) - trace)
    deviator += shear * ((exx - eyy) - deviator)
    pxy += shear * (exy - pxy)
    qx = exy * uy + third * jx
    qy = exy * ux + third * jy
    fourth = (exx * uy) * uy + (third * energy + (third * third) * deviation)
    if force is not None:
        power_x = ux * fx
        power_y = uy * fy
        trace += (one + one - bulk) * (power_x + power_y)
        deviator += (one + one - shear) * (power_x - power_y)
        pxy += (one - half * shear) * (ux * fy + uy * fx)
        qx += half * third * fx
        qy += half * third * fy
        fourth += third * (power_x + power_y)
        jx += half * fx
        jy += half * fy
    both = quarter * trace - half * fourth
    even_x, even_y = both + quarter * deviator, both - quarter * deviator
    odd_x, odd_y = half * jx - half * qx, half * jy - half * qy
    even_plus, even_minus = quarter * fourth + quarter * pxy, quarter * fourth - quarter * pxy
    odd_plus, odd_minus = quarter * qx + quarter * qy, quarter * qx - quarter * qy
    return (
        deviation - trace + fourth,
        even_x + odd_x,
        even_y + odd_y,
        even_x - odd_x,
        even_y - odd_y,
        even_plus + odd_plus,
        even_minus - odd_minus,
        even_plus - odd_plus,
        even_minus + odd_minus,
    )


@_compiled
def _stream_collide_row(f, g, y, width, rates, force):
    """Pull populations from `f`, collide, and store them in `g`, for one row of the domain."""
    # constants of the array's type, since others would promote float32 to float64
    bulk, shear = rates
    one = f.dtype.type(1)
    half = f.dtype.type(0.5)
    quarter = f.dtype.type(0.25)
    third = f.dtype.type(1 / 3)
    a0, a1, a2, a3, a4 = f[0, y], f[1, y], f[2, y - 1], f[3, y], f[4, y + 1]
    a5, a6, a7, a8 = f[5, y - 1], f[6, y - 1], f[7, y + 1], f[8, y + 1]
    b0, b1, b2, b3, b4 = g[0, y], g[1, y], g[2, y], g[3, y], g[4, y]
    b5, b6, b7, b8 = g[5, y], g[6, y], g[7, y], g[8, y]
    for x in range(1, width + 1):
        (b0[x], b1[x], b2[x], b3[x], b4[x], b5[x], b6[x], b7[x], b8[x]) = _collide(
            a0[x],
            a1[x - 1],
            a2[x],
            a3[x + 1],
            a4[x],
            a5[x - 1],
            a6[x + 1],
            a7[x + 1],
            a8[x - 1],
            bulk,
            shear,
            force,
            one,
            half,
            quarter,
            third,
        )


@_compiled
def _inlet(g, y, velocity):
    """Set the left ghosts of row `y`: bounce-back from a plane moving at the inflow (Ladd 1994)."""
    two_thirds = g.dtype.type(2 / 3)
    sixth = g.dtype.type(1 / 6)
    g[1, y, 0] = g[3, y, 1] + two_thirds * velocity
    g[5, y - 1, 0] = g[7, y, 1] + sixth * velocity
    g[8, y + 1, 0] = g[6, y, 1] + sixth * velocity


@_compiled
def _outlet(g, y, width):
    """Set the right ghosts of row `y`: anti-bounce-back to density 1 (Ginzburg et al. 2008).

    The velocity at the edge is that of the last cell. Extrapolating it by half a cell made no
    difference upstream, and diverged between no-slip walls at low bulk viscosity. With a
    zero-gradient outlet the cylinder sheds at a spurious frequency.
    """
    h1, h2, h3, h4 = g[1, y, width], g[2, y, width], g[3, y, width], g[4, y, width]
    h5, h6, h7, h8 = g[5, y, width], g[6, y, width], g[7, y, width], g[8, y, width]
    one = g.dtype.type(1)
    inverse = one / (one + g[0, y, width] + h1 + h2 + h3 + h4 + h5 + h6 + h7 + h8)
    ux = (h1 - h3 + h5 - h6 - h7 + h8) * inverse
    uy = (h2 - h4 + h5 + h6 - h7 - h8) * inverse
    nine_halves = g.dtype.type(9 / 2)
    energy = g.dtype.type(3 / 2) * (ux * ux + uy * uy)
    straight = g.dtype.type(2 / 9)
    diagonal = g.dtype.type(2 / 36)
    down, up = ux - uy, ux + uy
    g[3, y, width + 1] = straight * (nine_halves * ux * ux - energy) - h1
    g[6, y - 1, width + 1] = diagonal * (nine_halves * down * down - energy) - h8
    g[7, y + 1, width + 1] = diagonal * (nine_halves * up * up - energy) - h5


@_compiled
def _fill_ghost_rows(g, width, walls):
    """Set the ghost rows, without their corners, to what the first and last row will pull."""
    last = g.shape[1] - 2
    if walls == PERIODIC:
        for i in range(9):
            for x in range(1, width + 1):
                g[i, 0, x] = g[i, last, x]
                g[i, last + 1, x] = g[i, 1, x]
    elif walls == SLIP:  # specular reflection
        for x in range(1, width + 1):
            g[2, 0, x] = g[4, 1, x]
            g[5, 0, x] = g[8, 1, x]
            g[6, 0, x] = g[7, 1, x]
            g[4, last + 1, x] = g[2, last, x]
            g[8, last + 1, x] = g[5, last, x]
            g[7, last + 1, x] = g[6, last, x]
    else:  # no-slip: returned to the cell of origin
        for x in range(1, width + 1):
            g[2, 0, x] = g[4, 1, x]
            g[4, last + 1, x] = g[2, last, x]
        for x in range(1, width):
            g[5, 0, x] = g[7, 1, x + 1]
            g[6, 0, x + 1] = g[8, 1, x]
            g[8, last + 1, x] = g[6, last, x + 1]
            g[7, last + 1, x + 1] = g[5, last, x]


@_compiled
def _fill_ghost_columns(g, width, walls):
    """Set the ghost columns of a flow periodic along x, after its ghost rows."""
    last = g.shape[1] - 2
    for i in range(9):
        for y in range(last + 2):
            g[i, y, 0] = g[i, y, width]
            g[i, y, width + 1] = g[i, y, 1]
    if walls == NO_SLIP:
        g[5, 0, 0] = g[7, 1, 1]
        g[6, 0, width + 1] = g[8, 1, width]
        g[8, last + 1, 0] = g[6, last, 1]
        g[7, last + 1, width + 1] = g[5, last, width]


@_compiled
def _reflect_from_obstacles(g, solid, target, leaving, other, near, far, velocity):
    """Set solid cells: at rest inside, reflecting on the surface. Returns the force on obstacles.

    The force is the momentum exchange: per link, the sum of the leaving and returning populations
    times the velocity of the leaving one. The rest part of both cancels around a closed surface.
    """
    flat = g.reshape(g.size)
    cells = g.shape[1] * g.shape[2]
    for i in range(9):
        for cell in solid:
            flat[i * cells + cell] = 0
    drag = 0.0
    lift = 0.0
    for link in range(target.size):
        gone = flat[leaving[link]]
        back = near[link] * gone + far[link] * flat[other[link]]
        flat[target[link]] = back
        drag += velocity[link, 0] * np.float64(gone + back)
        lift += velocity[link, 1] * np.float64(gone + back)
    return drag, lift


@_compiled
def _finish_boundaries(g, width, walls, profile, surface):
    """Apply the boundaries that need all rows; returns the force on the obstacles."""
    _fill_ghost_rows(g, width, walls)
    if profile.size == 0:
        _fill_ghost_columns(g, width, walls)
    return _reflect_from_obstacles(g, *surface)


@_compiled
def apply_boundaries(g, width, walls, profile, inflow, surface):
    """Set all ghost and solid cells of `g` to what their neighbours will pull."""
    if profile.size:
        for y in range(1, g.shape[1] - 1):
            _inlet(g, y, profile[y - 1] * inflow)
            _outlet(g, y, width)
    _finish_boundaries(g, width, walls, profile, surface)


@_compiled
def advance(f, g, width, rates, force, walls, profile, inflow, surface, forces):
    """Advance by `len(inflow)` ticks; the result is in `f` if their number is even, else in `g`."""
    for tick in range(inflow.size):
        for y in range(1, g.shape[1] - 1):
            _stream_collide_row(f, g, y, width, rates, force)
            # while the row is in the cache: columns alone would cost one cache miss per cell
            if profile.size:
                _inlet(g, y, profile[y - 1] * inflow[tick])
                _outlet(g, y, width)
        forces[tick, 0], forces[tick, 1] = _finish_boundaries(g, width, walls, profile, surface)
        f, g = g, f
