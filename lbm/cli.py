"""The command line: `python -m lbm simulate OUTPUT.h5 --reynolds 150`, `python -m lbm validate`."""

import errno
import inspect
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from tqdm import tqdm

from lbm.config import VortexStreetConfig
from lbm.errors import FlowError, LockError, error_lines

# Exit code of a failure that the same command would meet again.
REPEATS = 2

app = typer.Typer(
    help="Lattice Boltzmann flow past a circle, recorded as frames of vorticity.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _with_street_options(function: Callable[..., None]) -> Callable[..., None]:
    """Replace the parameter `**street` by one option per field of `VortexStreetConfig`.

    typer reads the signature, so the fields are described only once, in `lbm.config`.
    """
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=Annotated[type(field.default), typer.Option(help=field.description)],
        )
        for name, field in VortexStreetConfig.model_fields.items()
    ]
    signature = inspect.signature(function)
    kept = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    replaced = signature.replace(parameters=[*kept, *options])
    # `inspect` honours the attribute, which functions are not declared to have.
    function.__signature__ = replaced  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in (*kept, *options)}
    return function


@app.command()
@_with_street_options
def simulate(
    output: Annotated[Path, typer.Argument(help="HDF5 file to write", show_default=False)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print what would be computed, and stop")
    ] = False,
    **street: Any,
) -> None:
    """Simulate one vortex street and write its run file."""
    try:
        chosen = VortexStreetConfig(**street)
    except ValidationError as error:
        _fail(*(f"{output}: {line}" for line in error_lines(error)), code=REPEATS)
    print(f"{output}: {describe(chosen)}", file=sys.stderr)
    try:
        if dry_run:
            print(f"{output}: {estimate(chosen)}", file=sys.stderr)
            return
        _check_writable(output, chosen)
        _simulate_with_progress(chosen, output)
    except LockError as error:
        _fail(f"{output}: {error}")
    except FlowError as error:
        _fail(f"{output}: {error}", code=REPEATS)
    except OSError as error:
        _fail(f"{output}: cannot be written: {_reason(error)}")
    except KeyboardInterrupt:
        _fail(f"{output}: interrupted; run the same command to resume", code=130)


@app.command()
def validate(
    cases: Annotated[
        list[str] | None, typer.Argument(help="cases to run; default: all", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="folder for the table and one plot per case")
    ] = None,
) -> None:
    """Run flows with known answers; fail if a number is out of range."""
    from lbm.validation import CASES
    from lbm.validation.report import table, write

    names = cases or list(CASES)
    for name in names:
        if name not in CASES:
            _fail(f"{name}: no such case; there are {', '.join(CASES)}")
    results = []
    with tqdm(total=len(names), unit="case") as bar:
        for name in names:
            bar.set_description(name)
            try:
                results.append(CASES[name]())
            except FlowError as error:
                bar.close()
                _fail(f"{name}: {error}")
            bar.update()
    print(table(results))
    if output:
        try:
            write(results, names, output)
        except OSError as error:
            _fail(f"{output}: cannot be written: {_reason(error)}")
    failed = [name for name, case in zip(names, results, strict=True) if not case.passed]
    if failed:
        _fail(f"out of range: {', '.join(failed)}")


def describe(street: VortexStreetConfig) -> str:
    """Describe a run in one line by its characteristic numbers."""
    return (
        f"Re {street.reynolds:g}, Ma {street.mach:.3f}, tau {street.tau:.4f}, "
        f"blockage {street.blockage:.1%}, expected Strouhal number {street.strouhal:.3f} "
        f"(shedding every {street.shedding_period:.0f} ticks, "
        f"{street.shedding_period / street.interval:.1f} frames), "
        f"{street.width}×{street.height} cells, {street.total_ticks:,} ticks"
    )


def estimate(street: VortexStreetConfig) -> str:
    """Estimate the cost of a run in one line, from a short trial on this machine."""
    speed = measure_speed(street)
    size = street.frames * street.width * street.height * 4
    return (
        f"{street.updates / 1e9:.2f} billion lattice updates, about "
        f"{street.updates / speed:.0f} s at {speed / 1e6:.0f} MLUPS here with "
        f"{street.solver} {street.precision}; {size / 1e6:.0f} MB on disk"
    )


def measure_speed(street: VortexStreetConfig, seconds: float = 0.3) -> float:
    """Measure the lattice updates per second of a street's solver, without compilation."""
    import numpy as np

    from lbm.vortex_street import make_solver

    solver = make_solver(street)
    trial = np.ones(2 + 500_000 // (street.width * street.height))
    solver.advance(trial)
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        solver.advance(trial)
        done += len(trial)
    return done * street.width * street.height / (time.perf_counter() - start)


def _simulate_with_progress(street: VortexStreetConfig, output: Path) -> None:
    """Run with a progress bar on standard error; compiled code is imported here."""
    from lbm.analysis import coefficients, strouhal_number
    from lbm.runs.run_file import open_run
    from lbm.vortex_street import simulate

    cells = street.width * street.height
    with tqdm(total=street.total_ticks, unit="tick", desc=output.name, mininterval=0.5) as bar:

        def progress(ticks: int) -> None:
            bar.update(ticks)
            rate = bar.format_dict["rate"] or bar.n / max(bar.format_dict["elapsed"], 1e-9)
            bar.set_postfix_str(f"{rate * cells / 1e6:.0f} MLUPS", refresh=False)

        simulate(street, output, progress)
    with open_run(output) as file:
        drag, lift = coefficients(file)
        strouhal = strouhal_number(file)
    measured = "too short to tell" if math.isnan(strouhal) else f"{strouhal:.4f}"
    print(
        f"{output}: Strouhal number {measured}, drag coefficient {drag.mean():.3f}, "
        f"lift coefficient {lift.min():.3f} to {lift.max():.3f}",
        file=sys.stderr,
    )


def _check_writable(output: Path, street: VortexStreetConfig) -> None:
    """Check before the first tick that the output can be written.

    Raises:
        OSError: The folder is missing or cannot be written, or the disk has too little space.
    """
    folder = output.parent
    with tempfile.TemporaryFile(dir=folder):
        pass
    if output.exists() and not output.is_file():
        raise OSError(errno.EINVAL, "it exists and is not a regular file", str(output))
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    # the frames of the unfinished run, and the final file
    need = 2 * street.frames * street.width * street.height * 4
    if free < need:
        text = f"the run needs {need / 1e6:.0f} MB, the disk has {free / 1e6:.0f} MB left"
        raise OSError(errno.ENOSPC, text, str(output))


def _reason(error: OSError) -> str:
    """Return the reason of an error in one line; HDF5 raises long messages without an errno."""
    if error.strerror:
        return error.strerror
    inner = re.search(r"error message = '([^']+)'", str(error))
    return inner[1] if inner else str(error).splitlines()[0]


def _fail(*lines: str, code: int = 1) -> NoReturn:
    """Print messages to standard error and exit."""
    for line in lines:
        print(line, file=sys.stderr)
    raise typer.Exit(code)


def main() -> None:
    """Run `python -m lbm`."""
    app(prog_name="python -m lbm")
