"""Inputs for readers: damaged valid files, and arbitrary bytes."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rvd.errors import UserError
from tests.faults import tally

# Inputs per reader: in the whole suite, and in the short one.
INPUTS = int(os.environ.get("RVD_TEST_INPUTS", 20_000 if tally.WHOLE else 100))
# Maximum seconds per input; valid inputs of this size take milliseconds.
HANG = 20

# Bytes by which the memory of the process may grow: that of the largest picture that is allowed.
LARGEST_GROWTH = 2**31

any_bytes = st.binary(max_size=64)
# Position (as a fraction of the length), kind of edit, and its bytes.
damage = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.sampled_from(["flip", "replace", "insert", "remove", "cut", "repeat"]),
        any_bytes,
    ),
    min_size=1,
    max_size=4,
)


def damaged(valid: bytes, edits: list[tuple[float, str, bytes]]) -> bytes:
    """Apply all edits to ``valid``."""
    found = bytearray(valid)
    for where, what, data in edits:
        at = int(where * max(len(found) - 1, 0))
        if what == "flip" and found:
            found[at] ^= 1 << (data[0] % 8 if data else 0)
        elif what == "replace":
            found[at : at + len(data)] = data
        elif what == "insert":
            found[at:at] = data
        elif what == "remove":
            del found[at : at + len(data)]
        elif what == "cut":
            del found[at:]
        elif what == "repeat":
            found[at:at] = found[max(at - 64, 0) : at]
    return bytes(found)


def mangled(*valid: bytes) -> st.SearchStrategy[bytes]:
    """Generate damaged versions of the ``valid`` files, and occasionally arbitrary bytes."""
    of_valid = st.builds(damaged, st.sampled_from(valid), damage)
    return st.one_of(of_valid, of_valid, of_valid, st.binary(max_size=2000))


def fuzz(name: str, inputs: st.SearchStrategy, read: Callable[[object], object]) -> None:
    """Call ``read`` with many inputs: it must return or raise UserError, and must not hang.

    Any other exception is a crash and fails the test.
    """
    count = INPUTS

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def try_one(value: object) -> None:
        tally.inputs[name] += 1
        said = "accepted"
        try:
            with in_time():
                read(value)
        except UserError as error:
            said = str(error)
        assert said.strip(), "refused without a word"
        assert max(map(len, said.splitlines())) < 2000, "refused in a paragraph"

    before, memory = tally.inputs[name], peak_memory()
    try_one()
    assert peak_memory() - memory < LARGEST_GROWTH, "an input took too much memory"
    assert tally.inputs[name] - before >= count * 0.9, "the inputs ran out"


@contextmanager
def in_time():
    """Raise TimeoutError in the block after ``HANG`` seconds.

    A library that hangs outside Python cannot be interrupted: then all tests stop with a message.
    """

    def late(number, frame):
        raise TimeoutError(f"a reader hung for {HANG} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, HANG)
    faulthandler.dump_traceback_later(2 * HANG, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def peak_memory() -> int:
    """Return the largest memory that this process has used, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def tree(folder: Path) -> set[str]:
    """Return all paths below ``folder``."""
    return {str(path) for path in folder.rglob("*")}


def scratch() -> Path:
    """Return a folder in memory if possible, since tens of thousands of files are written."""
    shared = Path("/dev/shm")
    return shared if os.access(shared, os.W_OK) else Path("/tmp")
