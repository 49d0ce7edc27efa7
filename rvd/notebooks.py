"""Rendering notebooks by papermill, under the interpreter that runs this."""

from __future__ import annotations

import contextlib
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
from papermill.exceptions import PapermillException

from rvd.errors import UserError
from rvd.files import reason

KERNEL = "python3"


def render(notebook: Path, folder: Path, parameters: Mapping[str, Any]) -> None:
    """Execute ``notebook`` and put it, as HTML, too, with what it made, into ``folder``.

    The notebook's parameter ``output`` is a scratch folder for its figures. Only when every cell
    has run does all of it move to ``folder``, replacing what is there.

    Args:
        notebook: with a cell tagged ``parameters``.
        folder: of the executed notebook, its HTML and its figures.
        parameters: further values for that cell.

    Raises:
        UserError: the notebook is missing, or a cell failed (the notebook as far as it ran is then
            beside ``folder``), or the folder cannot be written.
    """
    if not notebook.is_file():
        raise UserError(f"{notebook}: there is no such notebook")
    executed = notebook.name
    with tempfile.TemporaryDirectory(prefix="rvd-notebook-") as scratch, _this_interpreter():
        made = Path(scratch) / "made"
        made.mkdir()
        try:
            papermill.execute_notebook(
                notebook,
                made / executed,
                parameters={**parameters, "output": str(made)},
                kernel_name=KERNEL,
                language="python",
                progress_bar=False,
            )
        except (PapermillException, DeadKernelError) as error:
            partial = folder.with_name(f"{folder.name}-failed.ipynb")
            partial.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(made / executed, partial)
            raise UserError(f"{notebook}: {_failure(error)}; as far as it ran: {partial}") from None
        body, _ = HTMLExporter().from_notebook_node(nbformat.read(made / executed, 4))
        (made / executed).with_suffix(".html").write_text(body)
        _move(made, folder)


@contextlib.contextmanager
def _this_interpreter() -> Iterator[None]:
    """A kernel named python3 that is this interpreter, before any that a user has registered."""
    before = os.environ.get("JUPYTER_PATH")
    with tempfile.TemporaryDirectory(prefix="rvd-kernel-") as folder:
        write_kernel_spec(Path(folder) / "kernels" / KERNEL)
        paths = [folder, *([before] if before else [])]
        os.environ["JUPYTER_PATH"] = os.pathsep.join(paths)
        try:
            yield
        finally:
            if before is None:
                del os.environ["JUPYTER_PATH"]
            else:
                os.environ["JUPYTER_PATH"] = before


def _failure(error: Exception) -> str:
    """Which cell failed, and why, in one line."""
    number = getattr(error, "exec_count", None)
    name, value = getattr(error, "ename", ""), getattr(error, "evalue", "")
    if number is None:
        return str(error).splitlines()[0]
    return f"cell {number} failed ({name}: {str(value).splitlines()[0] if value else ''})"


def _move(made: Path, folder: Path) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Copied beside its place first, as the scratch folder may lie on another file system.
        beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        shutil.copytree(made, beside, dirs_exist_ok=True)
        beside.chmod(0o777 & ~_umask())
        shutil.rmtree(folder, ignore_errors=True)
        beside.replace(folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({reason(error)})") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
