"""Execution of notebooks by papermill, under the interpreter of this process."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
import papermill
from ipykernel.kernelspec import write_kernel_spec
from nbclient.exceptions import DeadKernelError
from nbconvert import HTMLExporter
from papermill.exceptions import PapermillException, PapermillExecutionError
from traitlets.config import Config

from rvd.errors import UserError
from rvd.files import reason, reported, temporary_folder

KERNEL = "python3"


def render(notebook: Path, folder: Path, parameters: Mapping[str, Any]) -> None:
    """Execute ``notebook``; write it, the same as HTML, and its figures to ``folder``.

    The notebook's parameter ``output`` is a temporary folder for its figures. ``folder`` is
    replaced only when every cell has run.

    Args:
        notebook: Notebook with a cell tagged ``parameters``.
        folder: Folder of the executed notebook, its HTML and its figures.
        parameters: Further values for that cell; those that it does not name are ignored.

    Raises:
        UserError: The notebook is missing, a cell failed (the notebook as far as it ran is then
            next to ``folder``), or the folder cannot be written.
    """
    if not notebook.is_file():
        raise UserError(f"{notebook}: there is no such notebook")
    executed = notebook.name
    partial = folder.with_name(f"{folder.name}-failed.ipynb")
    # It warns of every parameter that a notebook does not use.
    logging.getLogger("papermill").setLevel(logging.ERROR)
    with _scratch(folder) as scratch, _this_interpreter() as kernels:
        made = scratch / "made"
        made.mkdir()
        try:
            papermill.execute_notebook(
                notebook,
                made / executed,
                parameters={**parameters, "output": str(made)},
                kernel_name=KERNEL,
                language="python",
                progress_bar=False,
                config=_without_ports(kernels),
            )
        except (PapermillException, DeadKernelError) as error:
            partial.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(made / executed, partial)
            raise UserError(f"{notebook}: {_failure(error)}; as far as it ran: {partial}") from None
        except RuntimeError as error:  # a kernel that did not start
            raise UserError(f"{notebook}: {_first_line(str(error))}") from None
        (made / executed).with_suffix(".html").write_text(_html(made / executed))
        _replace(made, folder)
    partial.unlink(missing_ok=True)


def parameters_of(notebook: Path) -> set[str]:
    """Return the names in the cell tagged ``parameters``.

    Raises:
        UserError: The notebook is missing.
    """
    if not notebook.is_file():
        raise UserError(f"{notebook}: there is no such notebook")
    return set(papermill.inspect_notebook(notebook))


def _html(executed: Path) -> str:
    """Return an executed notebook as a page that loads nothing from the network."""
    offline = dict.fromkeys(("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url"), "")
    body, _ = HTMLExporter(**offline).from_notebook_node(nbformat.read(executed, 4))
    return body


def _without_ports(folder: Path) -> Config:
    """Return a config of kernels that communicate through sockets in ``folder``.

    With ports, two kernels that start at the same moment may choose the same one, and one dies.
    """
    config = Config()
    config.KernelManager.transport = "ipc"
    config.KernelManager.ip = str(folder / "kernel")
    return config


@contextlib.contextmanager
def _this_interpreter() -> Iterator[Path]:
    """Register this interpreter as the kernel python3, before any that a user has registered.

    Yields:
        A folder that exists for as long as the kernel may run.
    """
    before = os.environ.get("JUPYTER_PATH")
    place = Path(tempfile.gettempdir()) / "rvd-kernel"  # short, as the path of a socket must be
    with temporary_folder(place, 0o700) as folder:
        # The error of a cell is in the notebook; what else a kernel logs is of no use here.
        quiet = [f"--log-level={logging.CRITICAL}"]
        write_kernel_spec(folder / "kernels" / KERNEL, extra_arguments=quiet)
        paths = [str(folder), *([before] if before else [])]
        os.environ["JUPYTER_PATH"] = os.pathsep.join(paths)
        try:
            yield folder
        finally:
            if before is None:
                del os.environ["JUPYTER_PATH"]
            else:
                os.environ["JUPYTER_PATH"] = before


def _failure(error: Exception) -> str:
    """Return the number and the first line of the cell that failed, and its error."""
    if not isinstance(error, PapermillExecutionError):
        return _first_line(str(error))
    code, value = _first_line(error.source), _first_line(str(error.evalue))
    return f"cell {error.exec_count} ('{code}') failed ({error.ename}: {value})"


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder next to ``folder``."""
    with reported(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(folder) as scratch:
            yield scratch


def _replace(made: Path, folder: Path) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
        made.replace(folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({reason(error)})") from error
