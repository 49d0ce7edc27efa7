"""The compiled inner loops: pull, stream and collide in one pass, then the edges.

Populations are stored as deviations h_i = f_i − w_i from rest, which keeps float32 accurate, in
arrays (direction, y, x) with one ghost cell around the domain. After each pass the ghost and solid
cells are given what their fluid neighbours will pull in the next one, so that the pass itself has
no branch and vectorises. `error_model="numpy"` matters: Python's check for division by zero alone
keeps the compiler from vectorising. Reassociation is allowed, NaN keeps its meaning.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

PERIODIC, SLIP, NO_SLIP = 0, 1, 2


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile for one thread, caching the result beside the module or in the user's cache."""
    return numba.njit(  # type: ignore[no-any-return]
        function, error_model="numpy", fastmath={"reassoc", "nsz", "arcp", "contract"}, cache=True
    )


@_compiled
def _relax(h0, h1, h2, h3, h4, h5, h6, h7, h8, bulk, shear, force, one, half, quarter, third):  # noqa: ANN001, ANN202
    """One cell's collision in raw moments; see `lbm.lattice.collide` for what it computes.

    `force` is None or a pair; None compiles to a kernel without it. Guo, Zheng & Shi (Phys. Rev.
    E 65, 2002) give its moments, each times 1 − rate/2.
    """
    diagonal = h5 + h6 + h7 + h8
    pxx = h1 + h3 + diagonal
    pyy = h2 + h4 + diagonal
    deviation = h0 + h1 + h2 + h3 + h4 + diagonal  # density − 1
    jx = h1 - h3 + h5 - h6 - h7 + h8
    jy = h2 - h4 + h5 + h6 - h7 - h8
    pxy = h5 - h6 + h7 - h8
    inverse = one / (one + deviation)
    if force is not None:
        fx, fy = force
        jx += half * fx
        jy += half * fy
    ux = jx * inverse
    uy = jy * inverse
    exx = jx * ux
    eyy = jy * uy
    exy = jx * uy
    trace = pxx + pyy
    trace += bulk * ((deviation + deviation) * third + exx + eyy - trace)
    deviator = pxx - pyy
    deviator += shear * (exx - eyy - deviator)
    pxy += shear * (exy - pxy)
    qx = jx * third + exy * uy
    qy = jy * third + exy * ux
    fourth = deviation * third * third + (exx + eyy) * third + exx * uy * uy
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
    pxx = half * (trace + deviator)
    pyy = half * (trace - deviator)
    even_x = half * (pxx - fourth)
    odd_x = half * (jx - qx)
    even_y = half * (pyy - fourth)
    odd_y = half * (jy - qy)
    even_plus = quarter * (fourth + pxy)
    even_minus = quarter * (fourth - pxy)
    odd_plus = quarter * (qx + qy)
    odd_minus = quarter * (qx - qy)
    return (
        deviation - pxx - pyy + fourth,
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
def _sweep(f, g, rates, force):  # noqa: ANN001, ANN202
    """Pull from `f`, collide, store to `g`, in all cells inside of the ghosts."""
    # numbers of the array's own type, lest float32 be computed as float64
    bulk, shear = rates
    one = f.dtype.type(1)
    half = f.dtype.type(0.5)
    quarter = f.dtype.type(0.25)
    third = f.dtype.type(1 / 3)
    for y in range(1, f.shape[1] - 1):
        a0, a1, a2, a3, a4 = f[0, y], f[1, y], f[2, y - 1], f[3, y], f[4, y + 1]
        a5, a6, a7, a8 = f[5, y - 1], f[6, y - 1], f[7, y + 1], f[8, y + 1]
        b0, b1, b2, b3, b4 = g[0, y], g[1, y], g[2, y], g[3, y], g[4, y]
        b5, b6, b7, b8 = g[5, y], g[6, y], g[7, y], g[8, y]
        for x in range(1, f.shape[2] - 1):
            (b0[x], b1[x], b2[x], b3[x], b4[x], b5[x], b6[x], b7[x], b8[x]) = _relax(
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
def _bound_below_above(g, walls):  # noqa: ANN001, ANN202
    """Ghost rows: what the first and last row will pull."""
    last, width = g.shape[1] - 2, g.shape[2] - 2
    if walls == PERIODIC:
        for i in range(9):
            for x in range(1, width + 1):
                g[i, 0, x] = g[i, last, x]
                g[i, last + 1, x] = g[i, 1, x]
    elif walls == SLIP:  # reflected as by a mirror
        for x in range(1, width + 1):
            g[2, 0, x] = g[4, 1, x]
            g[5, 0, x] = g[8, 1, x]
            g[6, 0, x] = g[7, 1, x]
            g[4, last + 1, x] = g[2, last, x]
            g[8, last + 1, x] = g[5, last, x]
            g[7, last + 1, x] = g[6, last, x]
    else:  # no-slip: sent back to the cell it came from
        for x in range(1, width + 1):
            g[2, 0, x] = g[4, 1, x]
            g[5, 0, x - 1] = g[7, 1, x]
            g[6, 0, x + 1] = g[8, 1, x]
            g[4, last + 1, x] = g[2, last, x]
            g[7, last + 1, x + 1] = g[5, last, x]
            g[8, last + 1, x - 1] = g[6, last, x]


@_compiled
def _repeat_left_right(g, walls):  # noqa: ANN001, ANN202
    """Ghost columns of a flow periodic along x."""
    height, last = g.shape[1] - 2, g.shape[2] - 2
    # no-slip walls have filled the corners with what the corner cells sent
    ghosts = 1 if walls == NO_SLIP else 0
    for i in range(9):
        for y in range(ghosts, height + 2 - ghosts):
            g[i, y, 0] = g[i, y, last]
            g[i, y, last + 1] = g[i, y, 1]


@_compiled
def _inlet(g, profile, inflow):  # noqa: ANN001, ANN202
    """Left ghost column: bounce-back from a plane that moves with the inflow (Ladd 1994)."""
    sixth = g.dtype.type(1 / 6)
    two_thirds = g.dtype.type(2 / 3)
    for y in range(1, g.shape[1] - 1):
        velocity = profile[y - 1] * inflow
        g[1, y, 0] = g[3, y, 1] + two_thirds * velocity
        g[5, y - 1, 0] = g[7, y, 1] + sixth * velocity
        g[8, y + 1, 0] = g[6, y, 1] + sixth * velocity


@_compiled
def _velocity(g, y, x):  # noqa: ANN001, ANN202
    """Velocity of one cell without body force."""
    h1, h2, h3, h4 = g[1, y, x], g[2, y, x], g[3, y, x], g[4, y, x]
    h5, h6, h7, h8 = g[5, y, x], g[6, y, x], g[7, y, x], g[8, y, x]
    one = g.dtype.type(1)
    inverse = one / (one + g[0, y, x] + h1 + h2 + h3 + h4 + h5 + h6 + h7 + h8)
    return (h1 - h3 + h5 - h6 - h7 + h8) * inverse, (h2 - h4 + h5 + h6 - h7 - h8) * inverse


@_compiled
def _outlet(g):  # noqa: ANN001, ANN202
    """Right ghost column: anti-bounce-back to density 1 (Ginzburg, Verhaeghe & d'Humières 2008).

    A zero-gradient outlet instead makes the cylinder shed at a spurious frequency.
    """
    last = g.shape[2] - 2
    three_halves = g.dtype.type(1.5)
    nine_halves = g.dtype.type(4.5)
    straight = g.dtype.type(2 / 9)
    diagonal = g.dtype.type(2 / 36)
    for y in range(1, g.shape[1] - 1):
        # the velocity at the edge is the last cell's: extrapolating it half a cell on made no
        # difference upstream, and diverged between no-slip walls at low bulk viscosity
        ux, uy = _velocity(g, y, last)
        energy = three_halves * (ux * ux + uy * uy)
        g[3, y, last + 1] = straight * (nine_halves * ux * ux - energy) - g[1, y, last]
        along = ux - uy
        g[6, y - 1, last + 1] = diagonal * (nine_halves * along * along - energy) - g[8, y, last]
        along = ux + uy
        g[7, y + 1, last + 1] = diagonal * (nine_halves * along * along - energy) - g[5, y, last]


@_compiled
def _reflect(g, solid, target, leaving, other, near, far, velocity):  # noqa: ANN001, ANN202
    """Solid cells: at rest inside, reflecting on the surface. Returns the force on the obstacles.

    Momentum exchange: what a link gives to the solid is the leaving and the returning population
    times the leaving one's velocity. The part at rest of both cancels around a closed surface.
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
def bound(g, walls, profile, inflow, surface):  # noqa: ANN001, ANN202
    """Give ghost and solid cells of `g` what their neighbours will pull; returns the force."""
    _bound_below_above(g, walls)
    if profile.size == 0:
        _repeat_left_right(g, walls)
    else:
        _inlet(g, profile, inflow)
        _outlet(g)
    return _reflect(g, *surface)


@_compiled
def advance(f, g, rates, force, walls, profile, inflow, surface, forces):  # noqa: ANN001, ANN202
    """Advance by `len(inflow)` ticks; the newest state is in `f` after an even number, else `g`."""
    for tick in range(inflow.size):
        _sweep(f, g, rates, force)
        forces[tick, 0], forces[tick, 1] = bound(g, walls, profile, inflow[tick], surface)
        f, g = g, f
