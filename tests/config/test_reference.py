"""The reference of the config: committed as generated, complete, and true of the shipped files."""

import subprocess
import sys
from pathlib import Path
from string import ascii_lowercase

import jsonschema
import pytest
import yaml

from lbm.config import VortexStreetConfig
from rvd.cli import main
from rvd.config.errors import sections_in
from rvd.config.merging import merge
from rvd.config.section import Section
from rvd.experiment import (
    ConfigError,
    ExperimentConfig,
    experiment_from_mapping,
    load_experiment,
)
from rvd.experiment.reference import config_schema, reference_pages, schema_text
from tests.tiny import config

FOLDER = Path(__file__).parents[2] / "config"
FILES = sorted(FOLDER.glob("*.yaml"))
SCHEMA = config_schema()
PAGES = reference_pages()


def every_section(section=ExperimentConfig):
    """The classes of all sections of the config, each once."""
    found = {section: None}
    for field in section.model_fields.values():
        for inner in sections_in(field.annotation):
            if inner not in found:
                found.update(dict.fromkeys(every_section(inner)))
    return list(found)


def as_json(value):
    """A YAML value with keys as JSON has them: text, and ``on`` instead of YAML 1.1's true."""
    if isinstance(value, dict):
        return {"on" if k is True else str(k): as_json(inner) for k, inner in value.items()}
    return [as_json(inner) for inner in value] if isinstance(value, list) else value


def errors(values):
    validator = jsonschema.Draft7Validator(SCHEMA)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(values)]


@pytest.mark.parametrize("name", PAGES)
def test_the_committed_page_is_the_generated_one(name):
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == PAGES[name], "run `make config-reference`"


def test_the_committed_schema_is_the_generated_one():
    assert (FOLDER / "schema.json").read_text(encoding="utf-8") == schema_text(), (
        "run `make config-reference`"
    )


def test_the_verb_writes_all(tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["config-reference", "--folder", str(tmp_path)])
    assert not ended.value.code
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert written == {**PAGES, "schema.json": schema_text()}


@pytest.mark.parametrize("section", every_section(), ids=lambda section: section.__name__)
def test_each_key_is_described_in_a_sentence(section):
    assert section.__name__.endswith("Config")
    assert section.__doc__
    for name, field in section.model_fields.items():
        assert field.description, name
        assert field.description.endswith((".", ")")), name
        assert field.description[0] not in ascii_lowercase, name
        assert any(f"| `{name}` |" in page for page in PAGES.values()), name


def test_all_sections_are_found():
    found = set(every_section())
    assert VortexStreetConfig in found
    own = {c for c in _subclasses(Section) if c.__module__.startswith("rvd.")}
    bases = {c for c in own if c.__subclasses__()}
    assert own - bases - found == set()


def _subclasses(cls):
    return {cls, *(inner for sub in cls.__subclasses__() for inner in _subclasses(sub))}


def test_descriptions_are_in_no_dump():
    assert "description" not in load_experiment([FOLDER / "config.yaml"]).model_dump_json()


def test_the_schema_is_one():
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_shipped_files_name_the_schema_and_fit_it(path):
    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    assert errors(as_json(yaml.safe_load(text))) == []


def test_a_resolved_config_fits_the_schema():
    paper = FOLDER / "config.yaml"
    for paths in ([paper], [paper, FOLDER / "demo.yaml"]):
        assert errors(load_experiment(paths).model_dump(mode="json")) == []
    assert errors(as_json(config())) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"evaluatoin": {}},
        {"evaluation": {"contxt": 3}},
        {"evaluation": {"metrics": ["fvdd"]}},
        {"datasets": {"kth": {"reader": "kht"}}},
        {"datasets": {"kth": {"reader": "kth", "camera": "image_aux1"}}},
        {"datasets": {"kth": {"colums": [0, 1]}}},
        {"datasets": {"simulation": {"flow": {"witdh": 3}}}},
        {"datasets": {".hidden": {}}},
        {"models": {"rvd": {"kind": "gan"}}},
        {"models": {"rvd": {"kind": "rvd", "dense_prior": True}}},
        {"models": {"rvd": {"kind": "rvd", "objective": "papr"}}},
        {"models": {"rvd": {"training": {"stps": 3}}}},
        {"models": {"rvd": {"training": {"batch": {"big": 3}}}}},
        {"models": {"rvd": {"networks": {"64": {"widht": 3}}}}},
        {"models": {"rvd": {"on": {"kth": {"kind": "rvd"}}}}},
        {"models": {"rvd": {"on": {"kth": {"training": {"stps": 3}}}}}},
        {"models": {"vd": {"like": 3}}},
        {"models": {"persistence": {"kind": "persistence", "on": {}}}},
    ],
    ids=str,
)
def test_an_editor_marks_errors_in_an_overlay(wrong):
    assert errors(wrong)


@pytest.mark.parametrize(
    "right",
    [
        {},
        {"models": {"vd": {"like": "rvd", "residual": False, "objective": "official"}}},
        {"models": {"mine": {"kind": "svg-lp", "like": "svg-lp", "latent_channels": {"64": 8}}}},
        {"models": {"rvd": {"on": {"kth": {"objective": {"sigma": 1}, "training": {"steps": 3}}}}}},
        {"datasets": {"mine": {"reader": "folder", "path": "films", "crop": [0, 0, 8, 8]}}},
    ],
    ids=str,
)
def test_an_overlay_gives_a_part(right):
    assert errors(right) == []


def test_a_misspelt_key_of_an_overlay_is_one_line():
    wrong = merge(config(), {"models": {"rvd": {"training": {"stps": 3}}}})
    with pytest.raises(ConfigError, match=r"^models\.rvd\.training\.stps: there is no such key; d"):
        experiment_from_mapping(wrong)


@pytest.mark.parametrize(
    "module",
    ["rvd.experiment", "rvd.experiment.reference", "rvd.workflow.plan", "rvd.models.registry"],
)
def test_reading_a_config_imports_no_torch(module):
    """In a fresh process: Snakemake reads the config at each start, in each job."""
    command = [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=FOLDER.parent)
    heavy = {"torch", "torchvision", "h5py", "pandas", "matplotlib", "cv2", "numba"}
    assert not heavy & set(done.stdout.split())
