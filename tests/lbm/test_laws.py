"""Laws that the flow solver has to keep."""

import numpy as np
import pytest

from lbm import lattice
from lbm.flow import Circle, Flow
from lbm.numba_solver import NumbaSolver


def random_fields(shape, seed=0):
    generator = np.random.default_rng(seed)
    ux, uy = 0.02 * generator.standard_normal((2, *shape))
    return 1 + 0.01 * generator.standard_normal(shape), ux, uy


def test_streaming_equals_a_roll():
    populations = np.random.default_rng(0).random((9, 5, 7))
    moved = lattice.stream(populations)
    for i, (cx, cy) in enumerate(lattice.VELOCITIES):
        for y in range(5):
            for x in range(7):
                assert moved[i, (y + cy) % 5, (x + cx) % 7] == populations[i, y, x]


def test_moments_of_the_equilibrium_are_exact():
    density, ux, uy = random_fields((4, 6))
    populations = lattice.equilibrium(density, ux, uy)
    cx, cy = lattice.VELOCITIES.T[..., None, None]
    np.testing.assert_allclose(populations.sum(0), density, rtol=1e-13)
    np.testing.assert_allclose((cx * populations).sum(0), density * ux, atol=1e-15)
    np.testing.assert_allclose((cy * populations).sum(0), density * uy, atol=1e-15)
    np.testing.assert_allclose((cx**2 * populations).sum(0), density * (1 / 3 + ux**2), rtol=1e-13)
    np.testing.assert_allclose((cx * cy * populations).sum(0), density * ux * uy, atol=1e-15)


def test_opposite_directions_are_opposite():
    np.testing.assert_array_equal(lattice.VELOCITIES[lattice.OPPOSITE], -lattice.VELOCITIES)


def test_solver_equals_its_definition_in_a_periodic_box():
    density, ux, uy = random_fields((12, 16))
    flow = Flow(16, 12, viscosity=0.03, bulk_viscosity=0.1)
    solver = NumbaSolver(flow)
    solver.initialise(ux, uy, density)
    solver.advance(np.ones(20))
    populations = lattice.equilibrium(density, ux, uy)
    for _ in range(20):
        populations = lattice.collide(lattice.stream(populations), 0.03, 0.1)
    found = solver.macroscopic()
    expected = lattice.MOMENTS[:3] @ populations.reshape(9, -1)
    np.testing.assert_allclose(found[0].ravel(), expected[0], rtol=1e-12)
    np.testing.assert_allclose((found[0] * found[1]).ravel(), expected[1], atol=1e-13)
    np.testing.assert_allclose((found[0] * found[2]).ravel(), expected[2], atol=1e-13)


@pytest.mark.parametrize("walls", ["periodic", "slip", "no-slip"])
def test_mass_is_conserved_in_a_closed_box(walls):
    density, ux, uy = random_fields((16, 16))
    solver = NumbaSolver(Flow(16, 16, viscosity=0.05, bulk_viscosity=0.05, walls=walls))
    solver.initialise(ux, uy, density)
    before = solver.macroscopic()[0].sum()
    solver.advance(np.ones(300))
    assert solver.macroscopic()[0].sum() == pytest.approx(before, rel=1e-12)


def test_taylor_green_decays_with_the_viscosity():
    size, viscosity, ticks = 48, 0.02, 400
    wave = 2 * np.pi / size
    y, x = np.meshgrid(*2 * [np.arange(size) + 0.5], indexing="ij")
    ux = -0.01 * np.cos(wave * x) * np.sin(wave * y)
    uy = 0.01 * np.sin(wave * x) * np.cos(wave * y)
    pressure = -0.25 * 0.01**2 * (np.cos(2 * wave * x) + np.cos(2 * wave * y))
    solver = NumbaSolver(Flow(size, size, viscosity, bulk_viscosity=0.02))
    solver.initialise(ux, uy, 1 + 3 * pressure)
    energies = []
    for _ in range(2):
        solver.advance(np.ones(ticks))
        _, vx, vy = solver.macroscopic()
        energies.append((vx**2 + vy**2).sum())
    measured = -np.log(energies[1] / energies[0]) / (4 * wave**2 * ticks)
    assert measured == pytest.approx(viscosity, rel=2e-3)


def test_a_circle_in_a_stream_feels_drag_and_no_lift_by_symmetry():
    flow = Flow(
        64, 33, viscosity=0.1, bulk_viscosity=0.1, inlet=np.full(33, 0.05), walls="slip",
        obstacles=(Circle(20.0, 16.5, 6.0),),
    )  # fmt: skip
    solver = NumbaSolver(flow)
    still = np.zeros((33, 64))
    solver.initialise(still + 0.05 * ~flow.solid(), still)
    forces = solver.advance(np.ones(400))
    assert forces[-1, 0] > 1e-3
    assert abs(forces[-1, 1]) < 1e-6 * forces[-1, 0] + 1e-12
