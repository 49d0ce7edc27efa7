"""What all tests share."""

import os

# Two threads at most: tests run beside others, and many small operations gain nothing from more.
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
