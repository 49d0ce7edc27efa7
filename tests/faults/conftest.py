"""The uninterrupted run shared by all fault tests, and the summary at the end."""

import pytest

from tests.faults import tally
from tests.faults.pipeline import run_reference


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    return run_reference(tmp_path_factory.mktemp("faults") / "reference")


def pytest_terminal_summary(terminalreporter):
    if found := tally.lines():
        lost = len(terminalreporter.stats.get("failed", []))
        terminalreporter.section("faults")
        for line in found:
            terminalreporter.line(line)
        terminalreporter.line("nothing lost" if not lost else f"{lost} tests failed: see above")
