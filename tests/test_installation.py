"""The project runs with the packages of pyproject.toml alone, and installed from a wheel."""

import ast
import json
import re
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
OWN = {"rvd", "lbm"}
# Needed by pylbm.
OPTIONAL = {"mpi4py", "sympy"}
# The modules that import what an extra installs.
USERS = {
    "workflow": {"rvd/workflow/setup/start.py"},
    "notebooks": {"rvd/workflow/notebooks.py", "rvd/plotting/show.py"},
    "flow": {
        "lbm/solvers/pylbm_build.py",
        "lbm/solvers/pylbm_edges.py",
        "lbm/solvers/pylbm_solver.py",
    },
    "trackers": {"rvd/training/records/trackers.py"},
}


def imported(path):
    """Return the third-party packages that a file imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - OWN - OPTIONAL


def required(extra=None):
    """Return the normalised names of the requirements of the package, or of one of its extras."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    items = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return {item.partition(">")[0] for item in items if not item.startswith("rvd[")}


# The packages of modules that need not be installed.
PACKAGES = {"mlflow": ["mlflow-skinny"], "wandb": ["wandb"]}


@pytest.mark.parametrize("folder", ["rvd", "lbm"])
def test_everything_imported_is_required(folder):
    providers = PACKAGES | packages_distributions()
    for path in (REPOSITORY / folder).rglob("*.py"):
        name = str(path.relative_to(REPOSITORY))
        extras = [extra for extra, users in USERS.items() if name in users]
        allowed = required().union(*map(required, extras))
        for package in imported(path):
            names = {name.lower().replace("_", "-") for name in providers.get(package, [package])}
            assert names & allowed, f"{name}: {package} is imported and not required"


def closure(names):
    """Return the installed packages that ``names`` need, directly or through others."""
    found, left = set(), set(names)
    while left:
        name = left.pop()
        found.add(name)
        try:
            items = map(Requirement, requires(name) or ())
        except PackageNotFoundError:
            continue
        wanted = [item for item in items if not item.marker or item.marker.evaluate({"extra": ""})]
        left |= {canonicalize_name(item.name) for item in wanted} - found
    return found


def test_the_package_alone_pulls_neither_snakemake_nor_notebooks_nor_pylbm():
    needed = closure(required())
    assert {"torch", "numpy", "markupsafe"} <= needed
    assert not needed & {"snakemake", "papermill", "ipykernel", "nbconvert", "pylbm", "mpi4py"}
    assert {"snakemake", "papermill"} <= closure(required("workflow") | required("notebooks"))


def modules_of(extras):
    """Return the names under which the packages of ``extras`` are imported."""
    wanted = set().union(*map(required, extras))
    return {
        module
        for module, names in packages_distributions().items()
        if {name.lower().replace("_", "-") for name in names} & wanted
    }


def skipped(extras):
    """Return the names of the modules that import packages of ``extras``."""
    users = set().union(*(USERS[extra] for extra in extras))
    return {user.removesuffix(".py").replace("/", ".") for user in users} | {"lbm.__main__"}


@pytest.mark.slow
def test_forecasting_and_scoring_need_no_extra(tmp_path):
    blocked, modules = modules_of(USERS), skipped(USERS)
    assert {"snakemake", "papermill", "pylbm", "IPython"} <= blocked
    command = [sys.executable, "-m", "tests.without_extras", tmp_path]
    command += [json.dumps(sorted(names)) for names in (blocked, modules)]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert "forecast and scored" in run.stdout, run.stderr
    # The last of its commands needs an extra.
    assert run.returncode == 2
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("rvd:")]
    needed = r"rvd: the package \w+ is not installed; pip install 'rvd\[notebooks\]'"
    assert re.fullmatch(needed, line)


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
    install += ["--constraint", versions, f"{REPOSITORY}[workflow]"]
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
