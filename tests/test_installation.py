"""The project runs with the packages of pyproject.toml alone."""

import ast
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
OWN = {"rvd", "lbm"}
# From the extra `pylbm`, the optional second solver.
OPTIONAL = {"pylbm", "mpi4py", "sympy"}


def imported(folder):
    """Return the third-party packages that files below ``folder`` import, at any depth."""
    found = set()
    for path in (REPOSITORY / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - OWN - OPTIONAL


def required():
    """Return the normalised names of the requirements, without extras."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return {item.partition(">")[0] for item in project["dependencies"]}


@pytest.mark.parametrize("folder", ["rvd", "lbm"])
def test_everything_imported_is_required(folder):
    providers = packages_distributions()
    for package in imported(folder):
        names = {name.lower().replace("_", "-") for name in providers.get(package, [package])}
        assert names & required(), f"{package} is imported and not required"


@pytest.mark.long
def test_an_installation_without_other_packages_runs(tmp_path):
    """Run in an environment with the required packages alone (about 7 GB, a few minutes)."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    # Without hashes, since a folder has none, as requirements and constraints must agree on them.
    versions = tmp_path / "versions.txt"
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    versions.write_text("\n".join(line.rstrip(" \\") for line in lines if "--hash" not in line))
    install = [python, "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    install += ["--constraint", versions, REPOSITORY]
    subprocess.run(install, cwd=tmp_path, check=True)
    every = "import pkgutil, importlib, rvd, lbm\n" + (
        "for package in (rvd, lbm):\n"
        "    for found in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        if not found.name.endswith(('__main__', 'pylbm_solver', 'pylbm_edges')):\n"
        "            importlib.import_module(found.name)\n"
    )
    subprocess.run([python, "-c", every], cwd=tmp_path, check=True)
    command = [python, "-m", "snakemake", "--dry-run", "--cores=1", "all"]
    command += [f"--snakefile={REPOSITORY / 'Snakefile'}", f"--directory={tmp_path}"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
