"""The command line: one verb for each step of the pipeline."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn, TextIO

import typer

from rvd.cli import data, forecasts, partial, pretrained, reference, scores, training, views
from rvd.errors import UserError, is_temporary
from rvd.files import reason, silence_repeated_disk_full
from rvd.runtime.signals import INTERRUPTED, Interrupted
from rvd.workflow.retries import mark, unmark

# Verbs import what they need themselves, because torch takes seconds and `--help` needs none of it.

app = typer.Typer(
    help="Probabilistic video forecasting, from raw videos to the paper's tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# In the pipeline's order, which is that of `--help`.
for group in (data, training, pretrained, forecasts, scores, views, partial, reference):
    app.add_typer(group.verbs)


@app.callback()
def _common(
    log: Annotated[Path | None, typer.Option(help="file to which standard error is copied")] = None,
) -> None:
    # Here, because typer has just set a hook of its own.
    silence_repeated_disk_full()
    if log is not None:
        from rvd.runtime.launch import launched

        log.parent.mkdir(parents=True, exist_ok=True)
        unmark(log)
        # None of several processes may empty the log in which another has written.
        sys.stderr = _Both(sys.stderr, log, log.open("a" if launched() else "w", buffering=1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an error the user can fix ends it with one line and exit code 2."""
    try:
        app(arguments, standalone_mode=True)
    except UserError as error:
        _fail(str(error), error)
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"{os.fsdecode(error.filename)}: {reason(error)}", error)
    except Interrupted as stopped:
        _end(str(stopped), INTERRUPTED)
    except KeyboardInterrupt:
        _end("interrupted", 128 + 2)


def _fail(message: str, error: Exception) -> NoReturn:
    """End with exit code 2; mark the log where the same command would fail again."""
    if isinstance(sys.stderr, _Both) and not is_temporary(error):
        # Without the mark, a job of the workflow is retried.
        with suppress(UserError):
            mark(sys.stderr.log, message)
    _end(message, 2)


def _end(message: str, code: int) -> NoReturn:
    print("\n".join(f"rvd: {line}" for line in message.splitlines()), file=sys.stderr)
    sys.stderr.flush()
    # Not sys.exit: on a full disk HDF5 crashes as it closes its files at the interpreter's end.
    os._exit(code)


class _Both:
    """A stream that writes to a stream and a log file, and is a terminal if the stream is one."""

    def __init__(self, first: TextIO, log: Path, second: TextIO) -> None:
        self.first, self.log, self.second = first, log, second

    def write(self, text: str) -> int:
        self.second.write(text)
        return self.first.write(text)

    def flush(self) -> None:
        self.first.flush()
        self.second.flush()

    def isatty(self) -> bool:
        return self.first.isatty()

    def fileno(self) -> int:
        return self.first.fileno()
