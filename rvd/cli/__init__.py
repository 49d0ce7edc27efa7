"""The command line: one verb for each step of the pipeline."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from rvd.cli import (
    data,
    external,
    forecasts,
    partial,
    pretrained,
    reference,
    scores,
    training,
    views,
)
from rvd.errors import UserError, is_temporary
from rvd.files import DISK_FULL, reason, silence_repeated_disk_full
from rvd.runtime.launch import launched
from rvd.runtime.log import Log, StandardError, discard_unwritten
from rvd.runtime.signals import INTERRUPTED, Interrupted
from rvd.workflow.retries import mark, unmark

# Verbs import what they need themselves, because torch takes seconds and `--help` needs none of it.

app = typer.Typer(
    help="Probabilistic video forecasting, from raw videos to the paper's tables.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# In the pipeline's order, which is that of `--help`.
for group in (data, training, pretrained, forecasts, scores, external, views, partial, reference):
    app.add_typer(group.verbs)


@app.callback()
def _common(
    log: Annotated[Path | None, typer.Option(help="file to which standard error is copied")] = None,
) -> None:
    # Here, because typer has just set a hook of its own.
    silence_repeated_disk_full()
    # None of several processes may empty the log in which another has written.
    sys.stderr = StandardError(sys.stderr, Log(log, keep=launched()) if log else None)
    if log is not None:
        unmark(log)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an error the user can fix ends it with one line and exit code 2."""
    try:
        app(arguments, standalone_mode=True)
    except SystemExit:
        _flush()
        raise
    except UserError as error:
        _fail(str(error), error)
    except OSError as error:
        if error.filename is None:
            if error.errno not in DISK_FULL:
                raise
            said = "standard output, or a temporary file, cannot be written"
            _fail(f"{said} ({reason(error)}); free some space", error)
        _fail(f"{os.fsdecode(error.filename)}: {reason(error)}", error)
    except Interrupted as stopped:
        _end(str(stopped), INTERRUPTED)
    except MemoryError:
        _end("this machine has too little memory for this command", 2)
    except KeyboardInterrupt:
        _end("interrupted", 128 + 2)


def _fail(message: str, error: Exception) -> NoReturn:
    """End with exit code 2; mark the log where the same command would fail again."""
    log = sys.stderr.log if isinstance(sys.stderr, StandardError) else None
    if log is not None and not is_temporary(error):
        # Without the mark, a job of the workflow is retried.
        with suppress(UserError):
            mark(log.path, message)
    _end(message, 2)


def _flush() -> None:
    """Write what is in the buffers of both streams, so that a fault is not one of Python's end."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _end(f"standard output: cannot be written ({reason(error)})", 2)
    discard_unwritten()


def _end(message: str, code: int) -> NoReturn:
    print("\n".join(f"rvd: {line}" for line in message.splitlines()), file=sys.stderr)
    sys.stderr.flush()
    # Not sys.exit: on a full disk HDF5 crashes as it closes its files at the interpreter's end.
    os._exit(code)
