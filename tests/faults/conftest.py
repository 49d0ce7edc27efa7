"""The uninterrupted run shared by all fault tests, and the summary at the end."""

import random
import tempfile
from pathlib import Path

import pytest

from tests.datasets.server import Site, served
from tests.faults import tally
from tests.faults.fuzz import scratch
from tests.faults.pipeline import ARCHIVE, run_reference

# Bytes of the archive to download, which takes half a second.
SIZE, RATE = 500_000, 1_000_000


@pytest.fixture(scope="session")
def site():
    """A server with the archive."""
    data = b"PK" + random.Random(0).randbytes(SIZE)
    with served(Site({ARCHIVE: data}, rate=RATE)) as site:
        yield site


@pytest.fixture(scope="session")
def reference(tmp_path_factory, site):
    return run_reference(tmp_path_factory.mktemp("faults") / "reference", site.address)


@pytest.fixture
def folder():
    """A folder in memory if possible, since tens of thousands of files are written to it."""
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        (Path(name) / "inside").mkdir()
        yield Path(name) / "inside"


def pytest_terminal_summary(terminalreporter):
    if found := tally.lines():
        lost = len(terminalreporter.stats.get("failed", []))
        terminalreporter.section("faults")
        for line in found:
            terminalreporter.line(line)
        terminalreporter.line("nothing lost" if not lost else f"{lost} tests failed: see above")
