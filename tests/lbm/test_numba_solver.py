"""Laws of the compiled solver."""

import numpy as np
import pytest

from lbm.errors import UnstableFlowError
from lbm.flow import Circle, Flow, check_density
from lbm.solvers.lattice import WEIGHTS, collide, equilibrium, stream
from lbm.solvers.numba_solver import NumbaSolver

W = WEIGHTS[:, None, None]


def random_state(flow, seed=0, size=1e-3):
    """Return random deviations from rest as stored by the solver, zero in solid cells."""
    noise = np.random.default_rng(seed).standard_normal((9, flow.height, flow.width))
    return size * noise * ~flow.solid()


def advanced(flow, state, ticks):
    solver = NumbaSolver(flow)
    solver.restore(state, tick=0)
    forces = solver.advance(np.ones(ticks))
    return solver, forces


def test_a_periodic_tick_is_streaming_and_collision():
    flow = Flow(width=17, height=12, viscosity=0.02, bulk_viscosity=0.07)
    state = random_state(flow)
    expected = state + W
    for _ in range(5):
        expected = collide(stream(expected), flow.viscosity, flow.bulk_viscosity)
    solver, _ = advanced(flow, state, 5)
    np.testing.assert_allclose(solver.populations()[:, 1:-1, 1:-1], expected - W, atol=1e-15)
    assert solver.tick == 5


@pytest.mark.parametrize("walls", ["periodic", "slip", "no-slip"])
def test_a_closed_box_keeps_its_mass(walls):
    flow = Flow(24, 20, 0.01, 0.02, walls=walls)
    state = random_state(flow)
    solver, _ = advanced(flow, state, 101)
    assert solver.populations()[:, 1:-1, 1:-1].sum() == pytest.approx(state.sum(), abs=1e-12)


def test_halfway_bounce_back_keeps_the_mass_of_the_fluid():
    flow = Flow(32, 24, 0.01, 0.02, obstacles=(Circle(11.3, 12.1, 7.0),), interpolate=False)
    state = random_state(flow)
    solver, _ = advanced(flow, state, 100)
    density = solver.macroscopic()[0]
    assert (density[~flow.solid()] - 1).sum() == pytest.approx(state.sum(), abs=1e-12)


def test_slip_walls_preserve_a_uniform_flow():
    flow = Flow(16, 12, 0.02, 0.02, walls="slip")
    solver = NumbaSolver(flow)
    solver.initialise(np.full((12, 16), 0.05), np.zeros((12, 16)))
    solver.advance(np.ones(50))
    density, ux, uy = solver.macroscopic()
    np.testing.assert_allclose(density, 1, atol=1e-14)
    np.testing.assert_allclose(ux, 0.05, atol=1e-14)
    np.testing.assert_allclose(uy, 0, atol=1e-14)


@pytest.mark.parametrize("walls", ["periodic", "slip"])
def test_inlet_and_outlet_preserve_a_uniform_flow(walls):
    flow = Flow(24, 12, 0.02, 0.02, inlet=np.full(12, 0.05), walls=walls)
    solver = NumbaSolver(flow)
    solver.initialise(np.full((12, 24), 0.05), np.zeros((12, 24)))
    solver.advance(np.ones(500))
    density, ux, uy = solver.macroscopic()
    np.testing.assert_allclose(ux, 0.05, atol=2e-4)
    np.testing.assert_allclose(uy, 0, atol=1e-12)
    np.testing.assert_allclose(density, 1, atol=1e-3)


def test_a_body_force_gives_its_acceleration():
    flow = Flow(12, 10, 0.02, 0.02, force=(2e-5, -1e-5))
    solver = NumbaSolver(flow)
    solver.initialise(np.zeros((10, 12)), np.zeros((10, 12)))
    solver.advance(np.ones(100))
    _, ux, uy = solver.macroscopic()
    np.testing.assert_allclose(ux, 2e-5 * 100, rtol=1e-12)
    np.testing.assert_allclose(uy, -1e-5 * 100, rtol=1e-12)


def test_mirrored_flow_mirrors_drag_and_lift():
    """Mirror symmetry: same drag, opposite lift."""
    size = (20, 28)
    shear = 0.04 + 0.02 * np.linspace(-1, 1, 20)
    force = []
    for sign, y in ((1, 9.4), (-1, 20 - 9.4)):
        flow = Flow(28, 20, 0.02, 0.02, shear[::sign], "slip", (Circle(10.2, y, 6.1),))
        solver = NumbaSolver(flow)
        solver.initialise(
            np.broadcast_to(shear[::sign, None], size) * ~flow.solid(), np.zeros(size)
        )
        force.append(solver.advance(np.ones(60))[-1])
    assert abs(force[0][1]) > 1e-4
    assert force[0] == pytest.approx(force[1] * [1, -1], abs=1e-13)


def test_the_force_is_the_momentum_the_fluid_loses():
    flow = Flow(40, 32, 0.02, 0.02, obstacles=(Circle(15.2, 16.1, 8.0),), interpolate=False)
    solver = NumbaSolver(flow)
    fluid = ~flow.solid()
    solver.initialise(0.05 * fluid, 0.01 * fluid)

    def momentum():
        density, ux, uy = solver.macroscopic()
        return np.array([(density * ux).sum(), (density * uy).sum()])

    # the force at the end of a tick acts in the next, when reflected populations are pulled
    solver.advance(np.ones(10))
    last, start = solver.advance(np.ones(1))[-1], momentum()
    forces = solver.advance(np.ones(20))
    given_up = start - momentum()
    felt = last + forces[:-1].sum(axis=0)
    np.testing.assert_allclose(given_up, felt, atol=1e-12)


def test_float32_follows_float64():
    both = []
    for precision in ("float32", "float64"):
        flow = Flow(
            64, 32, 0.02, 0.02, np.full(32, 0.08), "slip", (Circle(16, 16.5, 8),),
            precision=precision,
        )  # fmt: skip
        solver = NumbaSolver(flow)
        solver.initialise(0.08 * ~flow.solid(), np.zeros((32, 64)))
        solver.advance(np.ones(300))
        both.append(solver.macroscopic()[1])
    assert both[0].dtype == np.float32
    np.testing.assert_allclose(both[0], both[1], atol=1e-5)


def test_a_restored_state_continues_bit_for_bit():
    flow = Flow(
        64, 32, 0.02, 0.02, np.full(32, 0.08), "slip", (Circle(16, 16.5, 8),), precision="float32"
    )
    first = NumbaSolver(flow)
    first.initialise(0.08 * ~flow.solid(), np.zeros((32, 64)))
    first.advance(np.ones(41))
    second = NumbaSolver(flow)
    second.restore(first.populations(), first.tick)
    np.testing.assert_array_equal(second.advance(np.ones(30)), first.advance(np.ones(30)))
    np.testing.assert_array_equal(second.populations(), first.populations())
    assert second.tick == 71


@pytest.mark.parametrize("bad", [np.nan, 0.1, 3.0])
def test_a_diverged_density_stops_with_the_tick(bad):
    density = np.ones((4, 4))
    density[1, 2] = bad
    with pytest.raises(UnstableFlowError, match="tick 77"):
        check_density(density, tick=77)


def test_equilibrium_at_rest_stays_at_rest_next_to_an_obstacle():
    flow = Flow(32, 24, 0.01, 0.02, np.zeros(24), "no-slip", (Circle(11.3, 12.1, 7.0),))
    solver = NumbaSolver(flow)
    rest = np.zeros((24, 32))
    solver.restore(equilibrium(rest + 1, rest, rest) - W, tick=0)
    forces = solver.advance(np.ones(50))
    np.testing.assert_allclose(forces, 0, atol=1e-14)


def test_a_centred_circle_has_drag_and_no_lift():
    flow = Flow(64, 33, 0.1, 0.1, np.full(33, 0.05), "slip", (Circle(20.0, 16.5, 6.0),))
    solver = NumbaSolver(flow)
    still = np.zeros((33, 64))
    solver.initialise(still + 0.05 * ~flow.solid(), still)
    forces = solver.advance(np.ones(400))
    assert forces[-1, 0] > 1e-3
    assert abs(forces[-1, 1]) < 1e-6 * forces[-1, 0] + 1e-12
