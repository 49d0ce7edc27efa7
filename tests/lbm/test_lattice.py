"""Laws of the D2Q9 model, for its reference implementation in NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbm.solvers.lattice import (
    MOMENTS,
    OPPOSITE,
    VELOCITIES,
    WEIGHTS,
    collide,
    equilibrium,
    equilibrium_moments,
    relaxation_rates,
    stream,
)

speeds = st.floats(-0.1, 0.1)


def test_weights_are_isotropic_to_fourth_order():
    """Σ w c c = δ/3, Σ w cx² cy² = 1/9 and Σ w cx⁴ = 1/3, as Navier–Stokes requires."""
    c = VELOCITIES.astype(float)
    assert WEIGHTS.sum() == pytest.approx(1)
    np.testing.assert_allclose(np.einsum("i,ia,ib->ab", WEIGHTS, c, c), np.eye(2) / 3, atol=1e-15)
    fourth = np.einsum("i,ia,ib,ic,id->abcd", WEIGHTS, c, c, c, c)
    assert fourth[0, 0, 1, 1] == pytest.approx(1 / 9)
    assert fourth[0, 0, 0, 0] == pytest.approx(1 / 3)


def test_opposite_reverses_every_velocity():
    np.testing.assert_array_equal(VELOCITIES[OPPOSITE], -VELOCITIES)


@given(density=st.floats(0.8, 1.2), ux=speeds, uy=speeds)
def test_equilibrium_has_its_moments(density, ux, uy):
    grid = np.ones((1, 1))
    populations = equilibrium(density * grid, ux * grid, uy * grid)[:, 0, 0]
    expected = equilibrium_moments(density * grid, ux * grid, uy * grid)[:, 0, 0]
    np.testing.assert_allclose(MOMENTS @ populations, expected, rtol=0, atol=1e-15)
    # density, momentum and Π = ρ(δ/3 + uu), directly from the populations
    c = VELOCITIES.astype(float)
    u = np.array([ux, uy])
    assert populations.sum() == pytest.approx(density, abs=1e-15)
    np.testing.assert_allclose(populations @ c, density * u, atol=1e-15)
    stress = np.einsum("i,ia,ib->ab", populations, c, c)
    np.testing.assert_allclose(stress, density * (np.eye(2) / 3 + np.outer(u, u)), atol=1e-15)


def test_equilibrium_at_rest_is_the_weights():
    one = np.ones(1)
    np.testing.assert_allclose(equilibrium(one, 0 * one, 0 * one)[:, 0], WEIGHTS, atol=1e-16)


def test_collision_conserves_mass_and_momentum_and_shrinks_stress():
    populations = np.random.default_rng(0).uniform(0.05, 0.15, (9, 4, 5))
    after = collide(populations, viscosity=0.1, bulk_viscosity=0.3)
    before_moments, after_moments = (np.tensordot(MOMENTS, p, axes=1) for p in (populations, after))
    np.testing.assert_allclose(after_moments[:3], before_moments[:3], atol=1e-14)
    density, jx, jy = before_moments[:3]
    target = equilibrium_moments(density, jx / density, jy / density)
    left = (after_moments - target)[3:] / (before_moments - target)[3:]
    kept = 1 - relaxation_rates(0.1, 0.3)[3:]
    np.testing.assert_allclose(left, np.broadcast_to(kept[:, None, None], left.shape), atol=1e-9)


def test_streaming_is_a_shift():
    populations = np.random.default_rng(0).random((9, 5, 7))
    moved = stream(populations)
    for i, (cx, cy) in enumerate(VELOCITIES):
        for y in range(5):
            for x in range(7):
                assert moved[i, (y + cy) % 5, (x + cx) % 7] == populations[i, y, x]
