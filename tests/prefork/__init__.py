"""A stand-in for Python that runs ``rvd``, ``lbm`` and ``snakemake`` without loading torch again.

Loading torch and Snakemake takes seconds, which every command of a test would spend again. A server
loads them once and forks itself for each command, which is otherwise run as usual: in a
process, a folder, an environment and with streams of its own. What a command prints and writes, and
how it ends, are the same. Only an import that fails in a fresh interpreter is not noticed, so that
some tests keep ``sys.executable``: at least one for each verb.

With ``RVD_TEST_FRESH=1``, and on other systems than Linux, all commands run in fresh interpreters.
"""

from __future__ import annotations

import atexit
import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_running = ExitStack()
atexit.register(_running.close)


@functools.cache
def python() -> str:
    """Return the path of the stand-in for ``sys.executable``, of which all tests use one.

    Next to it are ``rvd`` and ``snakemake``.
    """
    return _running.enter_context(python_with())


@contextmanager
def python_with(*packages: Path) -> Iterator[str]:
    """Start a server for the packages of the repository and of further folders.

    Yields:
        The path of its stand-in. A command with other folders in its ``PYTHONPATH`` runs in a
        fresh interpreter.
    """
    if os.environ.get("RVD_TEST_FRESH") == "1" or not sys.platform.startswith("linux"):
        yield sys.executable
        return
    folders = [str(folder) for folder in (REPOSITORY, *packages)]
    # Not in the folder of a test, since the path of a socket has 107 characters at most.
    with tempfile.TemporaryDirectory(prefix="rvd-") as name:
        server, stand_in = Path(name) / "server", Path(name) / "python"
        known = {*folders, *os.environ.get("PYTHONPATH", "").split(os.pathsep), ""}
        values = {"ADDRESS": str(server), "PYTHON": sys.executable, "KNOWN": sorted(known)}
        text = Path(__file__).with_name("client.py").read_text()
        settings = "\n".join(f"{name} = {value!r}" for name, value in values.items())
        # Without site-packages, so that it starts in a few hundredths of a second.
        stand_in.write_text(f"#!{sys.executable} -ISE\n{settings}\n{text}")
        stand_in.chmod(0o755)
        for program in ("rvd", "snakemake"):
            (Path(name) / program).symlink_to(stand_in)
        environment = {"PYTHONPATH": os.pathsep.join(folders), "OMP_NUM_THREADS": "1"}
        with subprocess.Popen(
            [sys.executable, "-m", "tests.prefork.server", str(server)],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield str(stand_in)
