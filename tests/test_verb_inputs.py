"""A verb reads the files that it is given, and a rule gives its verb all that it declares."""

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
import yaml

from rvd.cli import app
from rvd.config.merging import merge
from rvd.errors import UserError
from rvd.experiment.loading import experiment_from_mapping
from rvd.workflow.layout import SAMPLES, SCORES, TABLES
from rvd.workflow.plan import Plan
from tests.ensembles import write_results
from tests.test_workflow import snakemake
from tests.tiny import config

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results that lie elsewhere than the config says, where there are none."""
    path = tmp_path_factory.mktemp("given")
    (path / "config.yaml").write_text(yaml.safe_dump(config(root=str(path / "empty"))))
    write_results(path, models=("rvd", "persistence"), horizon=3)
    return path


def run(folder, *arguments):
    app([*map(str, arguments), f"--config={folder / 'config.yaml'}"], standalone_mode=False)


def file(folder, model, name):
    return folder / "simulation" / model / "seed0" / name


def shown(folder):
    """Options of the verbs that show results, and the files that they name, by kind."""
    files = {
        "samples": [file(folder, "rvd", "samples.h5"), file(folder, "persistence", "samples.h5")],
        "scores": [file(folder, "rvd", "scores.csv")],
        "curves": [file(folder, "rvd", "curve.csv")],
        "tables": [folder / "table1.csv"],
    }
    return files, [f"--{kind}={path}" for kind, paths in files.items() for path in paths]


def test_tabulate_takes_the_scores_that_it_is_given(folder, tmp_path):
    output = tmp_path / "table1.csv"
    scores = file(folder, "persistence", "scores.csv")
    run(folder, "tabulate", scores, "--table=table1", f"--output={output}")
    table = pd.read_csv(output).set_index(["model", "dataset", "metric"])
    assert table.ours["persistence", "simulation", "crps"] > 0
    assert table.note["rvd", "simulation", "crps"] == "no scores yet"


def test_tabulate_without_scores_takes_those_of_the_run(folder, tmp_path):
    with pytest.raises(UserError, match=r"empty/results/simulation/rvd/seed0/scores\.csv"):
        run(folder, "tabulate", "--table=table1", f"--output={tmp_path / 'table1.csv'}")


def test_render_passes_the_files_that_it_is_given(folder, tmp_path, monkeypatch):
    passed = {}
    monkeypatch.setattr(
        "rvd.workflow.notebooks.render", lambda notebook, output, values: passed.update(values)
    )
    files, options = shown(folder)
    run(folder, "render", "n.ipynb", *options, f"--output={tmp_path / 'out'}")
    for kind in ("samples", "scores", "curves"):
        assert passed[kind] == [str(path) for path in files[kind]]
    assert passed["tables"] == {"table1": str(folder / "table1.csv")}
    assert passed["periods"]["simulation"] > 0


def test_render_passes_the_runs_that_it_is_given(folder, tmp_path, monkeypatch):
    passed = {}
    monkeypatch.setattr(
        "rvd.workflow.notebooks.render", lambda notebook, output, values: passed.update(values)
    )
    runs = [folder / "train-0.h5", folder / "test-0.h5"]
    options = [f"--runs={path}" for path in runs]
    run(folder, "render", "n.ipynb", "--dataset=simulation", *options, f"--output={tmp_path / 'o'}")
    assert passed["runs"] == [str(path) for path in runs]
    assert passed["clip"] == 5


def test_the_gallery_shows_the_files_that_it_is_given(folder, tmp_path, monkeypatch):
    built = []
    monkeypatch.setattr("rvd.gallery.build_gallery", lambda contents, _: built.append(contents))
    files, options = shown(folder)
    run(folder, "gallery", *options, f"--output={tmp_path / 'gallery.html'}")
    (contents,) = built
    for kind in ("samples", "scores", "curves"):
        assert getattr(contents, kind) == files[kind]
    assert contents.tables == {"Table 1": folder / "table1.csv"}
    assert "simulation/persistence/seed0: commit " in contents.provenance["Forecasts"]
    assert "Commit" not in contents.provenance


def test_score_takes_the_weights_that_it_is_given(folder, tmp_path, monkeypatch):
    taken = []
    monkeypatch.setattr(
        "rvd.evaluation.scores.scoring.score", lambda _, settings, output: taken.append(settings)
    )
    values = config()
    values["evaluation"] |= {"context": 4}
    (folder / "four.yaml").write_text(yaml.safe_dump(values))
    samples = file(folder, "rvd", "samples.h5")
    verb = ["score", samples, f"--output={tmp_path / 'scores.csv'}", "--config"]
    weights = [f"--weights={tmp_path / name}.safetensors" for name in ("i3d", "lpips-alex")]
    app([*map(str, verb), str(folder / "four.yaml"), *weights], standalone_mode=False)
    assert taken[0].weights == tmp_path
    elsewhere = f"--weights={tmp_path / 'other' / 'i3d.safetensors'}"
    with pytest.raises(UserError, match="--weights: lie in different folders"):
        app([*map(str, verb), str(folder / "four.yaml"), *weights, elsewhere], False)


def test_each_rule_gives_its_verb_the_inputs_that_it_declares(tmp_path):
    metrics = {"metrics": ["crps", "fvd", "lpips"]}
    options = ["--dry-run", "--printshellcmds"]
    dry_run = snakemake(tmp_path, "all", options=options, evaluation=metrics)
    assert dry_run.returncode == 0, dry_run.stderr
    commands = re.findall(r"python -m rvd .*", dry_run.stdout + dry_run.stderr)
    values = merge(config(root="out"), {"evaluation": metrics})
    plan = Plan(experiment_from_mapping(values))
    results = {*plan.results(SAMPLES), *plan.results(SCORES), *plan.curves()}
    shown = results | set(plan.layout.shown.tables())
    runs = set(plan.raw_files("simulation"))
    expected = {
        "convert": [runs],
        "score": [{path, *plan.weights()} for path in plan.results(SAMPLES)],
        "tabulate": [set(plan.scores(table)) for table in TABLES],
        "render": [*7 * [shown], runs],
        "gallery": [shown],
    }
    for verb, inputs in expected.items():
        words = [set(shlex.split(command)) for command in commands if f" {verb} " in command]
        assert len(words) == len(inputs), verb
        for wanted in inputs:
            assert any(wanted <= found for found in words), (verb, wanted)


@pytest.mark.parametrize(
    "path",
    [
        REPOSITORY / "workflow" / "Snakefile",
        *sorted((REPOSITORY / "workflow" / "rules").glob("*.smk")),
    ],
    ids=lambda path: path.name,
)
def test_paths_are_written_in_the_layout_alone(path):
    code = re.sub(r'^""".*?"""|#.*$', "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert not re.findall(r"""["'](?:results|data|checkpoints|logs)/[^"']*["']""", code)
