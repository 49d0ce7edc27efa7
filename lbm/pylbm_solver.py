"""The second solver: the pylbm library, an independent check of the first.

Its geometry, stencil, moments, collision and interpolated bounce-back are pylbm's own; inlet,
outlet and slip walls, which it lacks, are the rules of `lbm.kernels` in NumPy, hung into its
boundary conditions. It knows float64 only and, here, no body force.

pylbm has habits to work around. Importing it and building a domain parse the program's arguments;
it compiles for every simulation, into the working folder; its monitor keeps a record of each call;
cells inside obstacles hold garbage that grows. So it is imported late under clean arguments, its
code is generated once, with the relaxation rates as arguments, and kept in the user's cache, the
records are dropped, and solid cells are reset.
"""

import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from lbm.errors import FlowError
from lbm.flow import Flow
from lbm.lattice import VELOCITIES, WEIGHTS, equilibrium, relaxation_rates

_LEFT, _RIGHT, _WALL, _OBSTACLE, _PERIODIC = 0, 1, 2, 3, -1
_W = WEIGHTS[:, None, None]


class PylbmSolver:
    """Solves a `Flow`; see `lbm.flow.Solver` for the interface.

    State: populations after collision at `tick`, with all cells outside of the fluid already set
    for the next one, as in `NumbaSolver`.

    Raises:
        FlowError: the flow needs what pylbm lacks, or pylbm cannot be imported or compiled.
    """

    def __init__(self, flow: Flow) -> None:
        if any(flow.force):
            raise FlowError("solver = 'pylbm': it has no body force, use 'numba'")
        if flow.precision != "float64":
            raise FlowError(f"precision = {flow.precision!r}: pylbm knows only 'float64'")
        self.flow = flow
        self.tick = 0
        self._solid = flow.solid()
        with _clean_arguments():
            self._simulation = _build(flow)
        rates = relaxation_rates(flow.viscosity, flow.bulk_viscosity)
        self._simulation.extra_parameters = {"bulk": rates[3], "shear": rates[4]}
        self._edges = [m for m in self._simulation.bc.methods if hasattr(m, "inflow")]
        self._surfaces = [m for m in self._simulation.bc.methods if hasattr(m, "force")]
        self.restore(np.zeros((9, flow.height, flow.width)), tick=0)

    def initialise(
        self,
        ux: Float[np.ndarray, "y x"],
        uy: Float[np.ndarray, "y x"],
        density: Float[np.ndarray, "y x"] | None = None,
    ) -> None:
        """Set the fluid to equilibrium at this velocity (cells per tick) and density (1)."""
        density = np.ones_like(ux) if density is None else density
        self.restore(equilibrium(density, ux, uy) - _W, tick=0)

    def advance(self, inflow: Float[np.ndarray, " tick"]) -> Float[np.ndarray, "tick xy=2"]:
        """Advance by `len(inflow)` ticks, the inlet's profile multiplied by `inflow` at each."""
        from pylbm.monitoring import Monitor

        simulation = self._simulation
        container = simulation.container
        forces = np.zeros((len(inflow), 2))
        self._reset_solid()
        for tick, speed in enumerate(inflow):
            simulation.algo.call_function("one_time_step", simulation)
            container.F, container.Fnew = container.Fnew, container.F
            self._bound(speed)
            forces[tick] = sum((surface.force for surface in self._surfaces), np.zeros(2))
            if tick % 256 == 0:
                Monitor.func.clear()
        self.tick += len(inflow)
        return forces

    def _bound(self, inflow: float) -> None:
        for method in self._edges:
            method.inflow = inflow
        self._simulation.boundary_condition()

    def _reset_solid(self) -> None:
        """Cells inside obstacles at rest, but for the slots from which fluid cells will pull."""
        f = self._simulation.container.F.swaparray
        kept = [(tuple(s.istore.T), f[tuple(s.istore.T)]) for s in self._surfaces]
        inside = np.zeros(f.shape[1:], bool)
        inside[1:-1, 1:-1] = self._solid.T
        f[:, inside] = WEIGHTS[:, None]
        for slots, values in kept:
            f[slots] = values

    def macroscopic(
        self,
    ) -> tuple[Float[np.ndarray, "y x"], Float[np.ndarray, "y x"], Float[np.ndarray, "y x"]]:
        """Density and velocity now, with density 1 and velocity 0 in solid cells."""
        h = self.populations()[:, 1:-1, 1:-1]
        density = 1 + h.sum(axis=0)
        density[self._solid] = 1
        ux, uy = np.tensordot(VELOCITIES.T, h, axes=1) / density
        ux[self._solid] = 0
        uy[self._solid] = 0
        return density, ux, uy

    def populations(self) -> Float[np.ndarray, "direction=9 y x"]:
        """The whole state, as deviations from rest with ghost cells: what `restore` continues.

        Exact: f is so near w that the subtraction is not rounded (Sterbenz), nor the addition.
        """
        return np.ascontiguousarray(self._simulation.container.F.swaparray.swapaxes(1, 2)) - _W

    def restore(self, populations: Float[np.ndarray, "direction=9 y x"], tick: int) -> None:
        """Continue from `populations()` of an earlier run, or from deviations without ghosts."""
        f = self._simulation.container.F.swaparray.swapaxes(1, 2)
        if populations.shape[2] == self.flow.width + 2:
            f[:] = populations + _W
        else:
            f[:] = _W
            f[:, 1:-1, 1:-1] += populations
            self._bound(1.0)
        self.tick = tick


@contextmanager
def _clean_arguments() -> Iterator[None]:
    """Hide the program's arguments, which pylbm would take for its own."""
    arguments = sys.argv
    sys.argv = arguments[:1]
    try:
        yield
    finally:
        sys.argv = arguments


def _build(flow: Flow) -> Any:
    """The flow as a `pylbm.Simulation`, compiled now or earlier.

    Raises:
        FlowError: pylbm, its MPI library or a C compiler is missing.
    """
    try:
        import pylbm

        from lbm.pylbm_edges import Surface, make_edges
    except (ImportError, RuntimeError) as error:  # mpi4py raises either without an MPI library
        raise FlowError(
            f"solver = 'pylbm': it cannot be imported ({error}); pip install 'rvd[pylbm]'"
        ) from None
    edges = make_edges(flow)
    conditions: dict[int, Any] = {_OBSTACLE: {"method": {0: Surface}}}
    for label in (_LEFT, _RIGHT, _WALL):
        conditions[label] = {"method": {0: edges}}
    along_x = [_PERIODIC, _PERIODIC] if flow.inlet is None else [_LEFT, _RIGHT]
    along_y = [_PERIODIC, _PERIODIC] if flow.walls == "periodic" else [_WALL, _WALL]
    case = {
        "box": {"x": [0, flow.width], "y": [0, flow.height], "label": [*along_x, *along_y]},
        "space_step": 1,
        "scheme_velocity": 1,
        "generator": "cython",
        "boundary_conditions": conditions,
        **_scheme(),
    }
    circles = [pylbm.Circle([c.x, c.y], c.diameter / 2, label=_OBSTACLE) for c in flow.obstacles]
    if circles:  # an empty list is refused
        case["elements"] = circles
    folder = _compiled_folder(bool(flow.obstacles))
    if not folder.is_dir():
        _compile(case, folder)
    return pylbm.Simulation(
        case | {"codegen_option": {"directory": str(folder), "generate": False}}
    )


def _scheme() -> dict[str, Any]:
    """Moments and equilibrium of `lbm.lattice`, with the two rates as arguments of the code."""
    import sympy  # type: ignore[import-untyped]  # it has no annotations

    x, y, density, jx, jy = sympy.symbols("X, Y, density, jx, jy")
    bulk, shear = sympy.symbols("bulk, shear", real=True)
    ux, uy = jx / density, jy / density
    pxx, pyy = sympy.Rational(1, 3) + ux**2, sympy.Rational(1, 3) + uy**2
    return {
        "schemes": [
            {
                "velocities": list(range(9)),
                "conserved_moments": [density, jx, jy],
                "polynomials": [
                    1, x, y, x**2 + y**2, x**2 - y**2, x * y, x * y**2, x**2 * y, x**2 * y**2
                ],
                "relaxation_parameters": [0, 0, 0, bulk, shear, shear, 1, 1, 1],
                "equilibrium": [
                    density, jx, jy, density * (pxx + pyy), density * (pxx - pyy), jx * uy,
                    jx * pyy, jy * pxx, density * pxx * pyy,
                ],
            }
        ],
        "init": {density: 1.0, jx: 0.0, jy: 0.0},
    }  # fmt: skip


def _compiled_folder(obstacles: bool) -> Path:
    """Where the generated code is kept; it depends on these versions and on nothing of the flow."""
    names = ("pylbm", "sympy", "numpy", "cython")
    versions = {name: importlib.metadata.version(name) for name in names}
    stamp = json.dumps([sys.version, sys.platform, versions, obstacles, str(_scheme())])
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "lbm" / f"pylbm-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}"


def _compile(case: dict[str, Any], folder: Path) -> None:
    """Generate and compile the code into `folder`, which appears only when it is complete.

    Raises:
        FlowError: it does not compile.
    """
    import pylbm
    from pylbm.generator.autowrap import CodeWrapError

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        code = Path(scratch) / "code"
        code.mkdir()
        try:
            with chdir(scratch):  # the build leaves temporary files where it runs
                pylbm.Simulation(case | {"codegen_option": {"directory": str(code)}})
        except CodeWrapError as error:
            reason = str(error).strip().splitlines()[-1]
            raise FlowError(f"solver = 'pylbm': its code does not compile ({reason})") from None
        shutil.rmtree(code / "build", ignore_errors=True)
        try:
            code.rename(folder)
        except OSError:  # another process was faster
            if not folder.is_dir():
                raise
