"""Set-up of all tests."""

import os
from pathlib import Path

# At most two threads: tests run next to others, and many small operations gain nothing from more.
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

from jaxtyping import install_import_hook

import tests.shapes

# Before anything of the packages is imported: shapes and types of every call are checked.
install_import_hook(tests.shapes.modules(Path(__file__).parents[1]), "tests.shapes.checked")
