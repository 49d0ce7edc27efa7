"""The packages' order, and the size of files and folders (docs/architecture.md)."""

import ast
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "rvd").rglob("*.py"), *(ROOT / "lbm").rglob("*.py")])

# A package imports only from itself and from those before it.
ORDER = (
    "errors",
    "files",
    "plugins",
    "config",
    "runtime",
    "video",
    "datasets",
    "diffusion",
    "models",
    "metrics",
    "experiment",
    "workflow",
    "forecasting",
    "training",
    "evaluation",
    "plotting",
    "gallery",
    "cli",
)


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def package(module):
    """``rvd.models.files`` → models; None outside of rvd's packages."""
    parts = module.split(".")
    return parts[1] if parts[0] == "rvd" and len(parts) > 1 else None


def test_imports_point_one_way():
    upwards = [
        f"{path.relative_to(ROOT)}: {module}"
        for path in FILES
        if (own := path.relative_to(ROOT).with_suffix("").parts)[0] == "rvd" and own[1] in ORDER
        for module in imported(path)
        if (other := package(module)) and ORDER.index(other) > ORDER.index(own[1])
    ]
    assert not upwards


def test_every_package_has_its_place():
    paths = [path for path in (ROOT / "rvd").iterdir() if path.suffix != ".typed"]
    assert {path.stem for path in paths if not path.stem.startswith("__")} == set(ORDER)


def test_the_solver_does_not_know_the_pipeline():
    foreign = [
        p for p in FILES if p.is_relative_to(ROOT / "lbm") and any(map(package, imported(p)))
    ]
    assert not foreign


def test_files_and_folders_are_small():
    lines = {path: len(path.read_text().splitlines()) for path in FILES}
    assert median(lines.values()) < 150
    assert max(lines.values()) <= 400
    folders = {path.parent for path in FILES}
    assert max(len(list(folder.glob("*.py"))) for folder in folders) <= 12


@pytest.mark.parametrize("module", ["rvd.experiment", "rvd.workflow.layout", "rvd.cli"])
def test_reading_a_config_imports_no_torch(module):
    heavy = ("torch", "cv2", "numba")
    script = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert run.stdout.strip() == "[]"
