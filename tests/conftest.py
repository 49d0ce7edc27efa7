"""Settings of all tests."""

import os

# At most two threads: tests share the machine, and small operations do not benefit from more.
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
