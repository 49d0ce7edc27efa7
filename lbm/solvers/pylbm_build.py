"""Construction and compilation of a pylbm simulation."""

import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from pathlib import Path
from typing import Any

from lbm.errors import FlowError
from lbm.flow import Flow

_BUILD = "build-"
_LONGEST_BUILD = 3600  # seconds

_LEFT, _RIGHT, _WALL, _OBSTACLE, _PERIODIC = 0, 1, 2, 3, -1


@contextmanager
def _hidden_arguments() -> Iterator[None]:
    """Hide the program's command-line arguments, which pylbm would parse."""
    arguments = sys.argv
    sys.argv = arguments[:1]
    try:
        yield
    finally:
        sys.argv = arguments


@_hidden_arguments()
def build_simulation(flow: Flow) -> Any:
    """Build a `pylbm.Simulation` of a flow, compiled now or earlier.

    Raises:
        FlowError: pylbm, its MPI library or a C compiler is missing.
    """
    try:
        import pylbm

        from lbm.solvers.pylbm_edges import Surface, make_edges
    except (ImportError, RuntimeError) as error:  # mpi4py raises either without an MPI library
        raise FlowError(
            f"solver = 'pylbm': it cannot be imported ({error}); pip install 'rvd[flow]'"
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
    """Return the moments and equilibrium of `lattice`, with the two rates as arguments."""
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
    """Return the cache folder of the generated code, which depends on versions, not on the flow."""
    names = ("pylbm", "sympy", "numpy", "cython")
    versions = {name: importlib.metadata.version(name) for name in names}
    stamp = json.dumps([sys.version, sys.platform, versions, obstacles, str(_scheme())])
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "lbm" / f"pylbm-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}"


def _remove_abandoned(cache: Path) -> None:
    """Remove the builds of killed processes, which are older than any build takes."""
    for build in cache.glob(f"{_BUILD}*"):
        with suppress(OSError):
            if time.time() - build.stat().st_mtime > _LONGEST_BUILD:
                shutil.rmtree(build, ignore_errors=True)


def _compile(case: dict[str, Any], folder: Path) -> None:
    """Generate and compile the code into `folder`, which appears when it is complete.

    Raises:
        FlowError: The code does not compile.
    """
    import pylbm
    from pylbm.generator.autowrap import CodeWrapError

    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder.parent)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=_BUILD) as scratch:
        code = Path(scratch) / "code"
        code.mkdir()
        try:
            with chdir(scratch):  # the build leaves temporary files in the working folder
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
