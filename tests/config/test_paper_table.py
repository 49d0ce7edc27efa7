"""The table of ``docs/reproduction.md`` that compares the paper, item by item, with the project."""

import re
from pathlib import Path

import pytest
import yaml

from rvd.experiment.loading import load_experiment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reproduction.md").read_text()
TABLE = PAGE.partition("## The paper, item by item")[2].partition("\n## ")[0]
ROWS = [line.strip("| ").split(" | ") for line in TABLE.splitlines() if line.startswith("|")][2:]
ITEMS = [row for row in ROWS if not row[0].startswith("**")]
CONFIG = load_experiment([ROOT / "config" / "config.yaml"]).model_dump(mode="json")


def _values(key: str) -> list[object]:
    """Each value in the config whose path ends with ``key``, those of RVD first."""
    found: list[object] = []

    def walk(section: object, path: str) -> None:
        if path == key or path.endswith(f".{key}"):
            found.append(section)
        if isinstance(section, dict):
            for name, value in section.items():
                walk(value, f"{path}.{name}")

    walk(CONFIG["models"]["rvd"], "models.rvd")
    walk(CONFIG, "")
    return found


def test_each_item_has_a_place_and_a_status():
    assert len(ITEMS) > 45
    for row in ITEMS:
        assert len(row) == 3, row
        assert re.search(
            r"equal|chosen|differs|as in the authors' code|after its own paper|as text|see \[",
            row[2],
        ), row


@pytest.mark.parametrize("section", ["2", "3.1", "3.2", "3.3", "3.4", "3.6"])
def test_each_section_of_the_paper_is_in_it(section):
    assert any(f"Section {section}," in row[0] for row in ROWS)


def test_the_figures_are_in_it():
    figures = TABLE.partition("**Figures**")[2]
    for number in range(1, 10):
        assert re.search(rf"^\| [\d, ]*\b{number}\b[\d, ]*:", figures, re.MULTILINE), number


def test_each_file_it_names_exists():
    for name in re.findall(r"`((?:rvd|docs|tests|lbm)/[^`]*)`", TABLE):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("row", ITEMS, ids=lambda row: row[0][:40])
def test_each_value_it_quotes_is_the_config_s(row):
    for quoted in re.findall(r"`([^`]*)`", row[1]):
        key, colon, value = quoted.partition(": ")
        if "/" in quoted:
            continue
        assert _values(key) or not colon, key
        if colon:
            given = yaml.safe_load(value)
            shown = _values(key)[0]
            if isinstance(given, dict):
                shown = {name: shown[name] for name in given}
            assert shown == given, quoted
