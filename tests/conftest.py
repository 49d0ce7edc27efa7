"""Set-up of all tests."""

import os
from pathlib import Path

import pytest

# At most two threads: tests run next to others, and many small operations gain nothing from more.
# One in each of several test processes.
if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
    os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

from jaxtyping import install_import_hook

import tests.parallel
import tests.shapes

# Before anything of the packages is imported: shapes and types of every call are checked.
install_import_hook(tests.shapes.modules(Path(__file__).parents[1]), "tests.shapes.checked")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Divide the tests by file, unless the command line has another ``--dist``."""
    return tests.parallel.scheduler(config, log) if config.getvalue("dist") == "load" else None


def pytest_collection_modifyitems(config, items):
    """Begin with the longest files where several processes divide the tests."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: tests.parallel.rank(item.nodeid))
