"""Settings of all tests."""

import os

# At most two threads: tests share the machine, and small operations do not benefit from more.
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

# Before anything of the packages is imported: shapes and types of every call are checked.
from jaxtyping import install_import_hook

import tests.shapes  # noqa: F401

install_import_hook(["rvd", "lbm"], "tests.shapes.checked")
