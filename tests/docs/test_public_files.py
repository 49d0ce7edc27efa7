"""Versions, citation, templates, hosted CI, types and shell completion: what others find first."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile

import pytest
import yaml

from tests.docs.pages import REPOSITORY

GITHUB = REPOSITORY / ".github"
PAPER = "Diffusion Probabilistic Modeling for Video Generation"


def version():
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]


def test_the_version_is_the_same_wherever_it_is_stated():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    changes = (REPOSITORY / "CHANGELOG.md").read_text()
    released = re.search(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", changes, re.MULTILINE)
    assert released[1] == citation["version"] == version()
    assert released[2] == str(citation["date-released"])


def test_the_changelog_keeps_its_form():
    text = (REPOSITORY / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= kinds


def test_readme_and_citation_name_the_paper():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    paper = citation["preferred-citation"]
    readme = " ".join((REPOSITORY / "README.md").read_text().split())
    assert paper["title"] == PAPER
    assert PAPER in readme
    assert paper["doi"] in readme
    assert paper["url"] in readme
    assert [author["family-names"] for author in paper["authors"]] == [
        "Yang",
        "Srivastava",
        "Mandt",
    ]
    for source in (
        "1802.07687",
        "1904.12165",
        "Retrospective_Cycle_GAN",
        "1907.06571",
        "1810.01325",
    ):
        assert source in readme


def test_hosted_ci_calls_targets_of_make():
    workflow = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text())
    runs = [
        step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step
    ]
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert {"make lint", "make test", "make docs"} <= set(runs)
    assert all(run.removeprefix("make ") in targets for run in runs)


def test_templates_are_valid():
    forms = [path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"]
    assert len(forms) == 3
    for form in forms:
        content = yaml.safe_load(form.read_text())
        assert {"name", "description", "body"} <= set(content)
        for part in content["body"]:
            assert part["type"] in {"markdown", "textarea", "input"}
            assert "label" in part["attributes"] or part["type"] == "markdown"


def test_packages_are_marked_as_typed():
    assert (REPOSITORY / "rvd" / "py.typed").exists()
    assert (REPOSITORY / "lbm" / "py.typed").exists()


def test_the_wheel_has_the_marks_of_types(tmp_path):
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"rvd-{version()}-")
    assert {"rvd/py.typed", "lbm/py.typed"} <= set(zipfile.ZipFile(wheel).namelist())


def complete(words, **more):
    """Return what the shell gets as completion of ``words``."""
    script = "import sys; sys.argv[0] = 'rvd'; from rvd.cli import main; main()"
    environment = os.environ | {"_RVD_COMPLETE": "complete_bash", "COMP_WORDS": words} | more
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env=environment | {"COMP_CWORD": str(words.count(" "))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_a_shell_completes_verbs_and_options():
    assert complete("rvd pre") == ["predict"]
    assert {"--predictor", "--horizon"} <= set(complete("rvd predict --"))


def test_completion_is_installed_for_the_shell(tmp_path):
    script = "import sys; sys.argv[0] = 'rvd'; from rvd.cli import main; main()"
    environment = os.environ | {
        "HOME": str(tmp_path),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    command = [sys.executable, "-c", script, "--install-completion", "bash"]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    installed = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("_RVD_COMPLETE" in path.read_text() for path in installed)
