import json
import os
import sys
from pathlib import Path

import nbformat
import pytest

from rvd.errors import UserError
from rvd.notebooks import render
from tests.ensembles import write_results

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def write_notebook(path, *cells):
    notebook = nbformat.v4.new_notebook()
    parameters = nbformat.v4.new_code_cell("output = '.'\nanswer = 1")
    parameters.metadata["tags"] = ["parameters"]
    notebook.cells = [parameters, *map(nbformat.v4.new_code_cell, cells)]
    nbformat.write(notebook, path)
    return path


@pytest.mark.slow
def test_runs_under_this_interpreter_whatever_kernels_there_are(tmp_path, monkeypatch):
    decoy = tmp_path / "kernels" / "python3"
    decoy.mkdir(parents=True)
    (decoy / "kernel.json").write_text(
        json.dumps({"argv": ["/bin/false"], "display_name": "decoy", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    notebook = write_notebook(
        tmp_path / "n.ipynb",
        "import pathlib, sys",
        "pathlib.Path(output, 'made.txt').write_text(f'{sys.executable} {answer}')",
    )
    render(notebook, tmp_path / "out", {"answer": 42})
    assert (tmp_path / "out" / "made.txt").read_text() == f"{sys.executable} 42"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "made.txt",
        "n.html",
        "n.ipynb",
    }
    assert os.environ["JUPYTER_PATH"] == str(tmp_path)


@pytest.mark.slow
def test_a_failing_cell_is_named_and_what_was_there_stays(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "before.txt").write_text("kept")
    notebook = write_notebook(tmp_path / "n.ipynb", "1 / 0")  # after parameters and their values
    with pytest.raises(UserError, match=r"cell 3 failed \(ZeroDivisionError") as caught:
        render(notebook, tmp_path / "out", {})
    assert "\n" not in str(caught.value)
    assert (tmp_path / "out" / "before.txt").read_text() == "kept"
    assert (tmp_path / "out-failed.ipynb").exists()


def test_a_missing_notebook_is_named(tmp_path):
    with pytest.raises(UserError, match="no such notebook"):
        render(tmp_path / "absent.ipynb", tmp_path / "out", {})


@pytest.mark.slow
def test_forecasts(tmp_path):
    results = write_results(tmp_path / "r", datasets=("simulation", "kth"), seeds=(0, 1))
    render(
        NOTEBOOKS / "forecasts.ipynb",
        tmp_path / "out",
        {
            "samples": list(map(str, results.samples)),
            "scores": list(map(str, results.scores)),
            "curves": list(map(str, results.curves)),
            "periods": {"simulation": 5.0},
        },
    )
    names = {path.name for path in (tmp_path / "out").iterdir()}
    figures = (
        "frames-simulation",
        "frames-kth",
        "crps",
        "inverse-crps",
        "crps-map-kth",
        "training",
    )
    assert {f"{figure}.{kind}" for figure in figures for kind in ("png", "svg")} <= names


def test_notebooks_are_stored_without_outputs():
    notebooks = list(NOTEBOOKS.glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        for cell in nbformat.read(path, 4).cells:
            assert not cell.get("outputs"), path
            assert cell.get("execution_count") is None, path
