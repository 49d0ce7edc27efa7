"""The ways to install the project agree with each other."""

import re
import tomllib
from pathlib import Path

import yaml
from rattler import MatchSpec

REPOSITORY = Path(__file__).parents[1]
CONDA_NAMES = {"torch": "pytorch", "opencv-python-headless": "py-opencv"}


def requirements():
    """Return the bounds of all requirements in pyproject.toml by name, extras included."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(item for name in extras for item in extras[name])]
    split = (re.fullmatch(r"([a-z0-9-]+)([>=]=[\d.,<]+)", item) for item in wanted)
    return {match[1]: match[2] for match in split if match}


def test_every_requirement_has_a_lower_and_an_upper_bound():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    lists = [project["build-system"]["requires"], project["project"]["dependencies"]]
    lists += project["project"]["optional-dependencies"].values()
    unbounded = [
        item
        for items in lists
        for item in items
        if not item.startswith("rvd[") and not re.search(r"(>=[\d.]+,<\d+|==[\d.]+)$", item)
    ]
    assert unbounded == []


def test_all_extras_are_in_dev():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert set(re.findall(r"\w+", extras["dev"][0])) == {"rvd", *extras} - {"dev"}


def test_conda_environment_has_the_names_and_bounds_of_pyproject():
    described = yaml.safe_load((REPOSITORY / "environment.yml").read_text())
    specs = [MatchSpec(entry) for entry in described["dependencies"]]
    conda = {str(spec.name.normalized): str(spec.version) for spec in specs}
    assert conda.pop("python") == ">=3.11"
    del conda["pip"]
    assert conda == {CONDA_NAMES.get(n, n): bound for n, bound in requirements().items()}


def test_every_requirement_has_a_tested_version():
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    assert requirements().keys() <= pinned
