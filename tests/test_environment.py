"""The ways to install the project agree with each other."""

import json
import re
import runpy
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from rattler import MatchSpec

REPOSITORY = Path(__file__).parents[1]
# Built in an environment of its own, by a lock of its own.
SEPARATE = {"docs"}
# Without a lock: what they need excludes versions of the lock.
UNLOCKED = {"trackers"}
LOCKS = ("constraints.txt", "docs/requirements.txt")
CONDA_NAMES = {"torch": "pytorch", "opencv-python-headless": "py-opencv"}


def requirements(lock="constraints.txt"):
    """Return the bounds of all requirements of a lock in pyproject.toml by name."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    main = lock == "constraints.txt"
    names = set(extras) - SEPARATE - UNLOCKED if main else SEPARATE
    base = project["dependencies"] if main else []
    wanted = [*base, *(item for name in names for item in extras[name])]
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
    assert set(re.findall(r"\w+", extras["dev"][0])) == {
        "rvd",
        *set(extras) - {"dev"} - SEPARATE - UNLOCKED,
    }


def test_conda_environment_has_the_names_and_bounds_of_pyproject():
    described = yaml.safe_load((REPOSITORY / "environment.yml").read_text())
    specs = [MatchSpec(entry) for entry in described["dependencies"]]
    conda = {str(spec.name.normalized): str(spec.version) for spec in specs}
    assert conda.pop("python") == ">=3.11"
    del conda["pip"]
    assert conda == {CONDA_NAMES.get(n, n): bound for n, bound in requirements().items()}


def locked(lock="constraints.txt"):
    """Return each entry of a lock: its requirement and its hashes."""
    entries = re.split(r"\n(?=\S)", (REPOSITORY / lock).read_text().strip())
    for entry in entries:
        first, *hashes = re.split(r"\s*\\\n\s*", entry)
        yield Requirement(first), hashes


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_has_a_tested_version_within_its_bounds(lock):
    versions = {}
    for entry, _ in locked(lock):
        (pin,) = entry.specifier
        assert pin.operator == "=="
        versions.setdefault(canonicalize_name(entry.name), []).append(pin.version)
    for name, bounds in requirements(lock).items():
        assert name in versions
        assert all(version in SpecifierSet(bounds) for version in versions[name]), name


@pytest.mark.parametrize("lock", LOCKS)
def test_every_tested_version_has_hashes(lock):
    for entry, hashes in locked(lock):
        assert hashes, entry
        for text in hashes:
            assert re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", text), (entry, text)


def test_compiled_packages_have_hashes_for_other_platforms_and_versions_of_python():
    # Wheels of Linux on two architectures, of macOS and of Windows, for Python 3.11 and newer.
    hashes = {entry.name: hashes for entry, hashes in locked()}
    for name in ("torch", "numpy", "h5py", "pydantic-core", "pillow"):
        assert len(hashes[name]) > 10, name


def test_the_backend_of_builds_is_locked_on_every_platform():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    (backend,) = project["build-system"]["requires"]
    assert backend in project["project"]["optional-dependencies"]["build"]
    everywhere = {entry.name for entry, _ in locked() if entry.marker is None}
    # setuptools builds the packages without wheels; editables is hatchling's for `--editable`.
    assert {"setuptools", "hatchling", "editables"} <= everywhere


def test_nothing_that_is_installed_names_an_index():
    names = [*LOCKS, "Makefile", "pyproject.toml", "Dockerfile"]
    names += [".ci/run", ".ci/audit.py", ".ci/torch_cpu.py"]
    for name in names:
        assert "://" not in (REPOSITORY / name).read_text(), name


def test_the_image_is_built_by_make_from_the_repository():
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    assert "FROM python:${PYTHON}-slim" in lines
    assert any("make install TORCH=${TORCH} VENV=/opt/venv" in line for line in lines)
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert not {"rvd", "lbm", "workflow", "constraints.txt", ".ci", ".git"} & set(ignored)


OFFERED = "Available versions: 2.15.0, {}2.14.1, 2.13.0+cpu, 2.13.0, 2.11.0+cpu, 2.9.0+cpu"


@pytest.mark.parametrize(
    ("offered", "bounds", "chosen"),
    [
        (OFFERED.format(""), ">=2.11,<3", "2.13.0"),
        (OFFERED.format("2.15.0+cpu, "), ">=2.11,<3", "2.15.0"),
        (OFFERED.format("2.16.0+cpu, 2.15.0+cpu, "), ">=2.11,<3", "2.15.0"),  # that of the lock
        (OFFERED.format(""), ">=2.14,<3", None),
        ("ERROR: No matching distribution found for torch", ">=2.11,<3", None),
    ],
)
def test_torch_for_cpus_is_chosen_among_the_builds_that_the_index_offers(offered, bounds, chosen):
    choose = runpy.run_path(str(REPOSITORY / ".ci" / "torch_cpu.py"))["choose"]
    assert choose(offered, "2.15.0", bounds) == chosen


def test_the_lock_for_cpus_has_all_packages_but_those_of_cuda():
    script = runpy.run_path(str(REPOSITORY / ".ci" / "torch_cpu.py"))
    lock = (REPOSITORY / "constraints.txt").read_text()
    kept = script["without_cuda"](lock)
    names = set(re.findall(r"^(\S+)==", lock, re.MULTILINE))
    left_out = names - set(re.findall(r"^(\S+)==", kept, re.MULTILINE))
    assert {"torch", "torchvision", "triton"} <= left_out
    assert {name.partition("-")[0] for name in left_out} == {
        "torch", "torchvision", "triton", "nvidia", "cuda"
    }  # fmt: skip
    assert "torchmetrics==" in kept
    assert kept.count("--hash=") > 1000


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([{"name": "a", "skip_reason": "not found"}], 2, "nothing was audited"),
        ([{"name": "a", "version": "1", "vulns": []}], 0, "1 packages audited, 0 known"),
        (
            [{"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}],
            1,
            "a 1: X-1, fixed in 2",
        ),
        (
            [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "?"}],
            2,
            "1 of 2 are not in the database: b",
        ),
    ],
)
def test_an_audit_says_what_it_could_not_audit(packages, code, said):
    report = runpy.run_path(str(REPOSITORY / ".ci" / "audit.py"))["report"]
    text, found = report(json.dumps({"dependencies": packages}), "")
    assert (found, said in text) == (code, True), text
    assert report("", "Traceback\nNo network")[1] == 2
