import json
import os
import re
import sys
from pathlib import Path

import nbformat
import pytest

from rvd.errors import UserError
from rvd.evaluation.tables.tables import Wanted, tabulate
from rvd.plotting.style import COLUMN_WIDTH, FULL_WIDTH
from rvd.workflow.notebooks import render
from tests import prefork
from tests.ensembles import write_results
from tests.figure_files import page_width, png_dpi

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
def test_kernels_that_start_at_once_share_no_port(tmp_path):
    notebook = write_notebook(
        tmp_path / "n.ipynb",
        "import json, ipykernel.connect",
        "connection = json.loads(ipykernel.connect.get_connection_info())",
        "assert connection['transport'] == 'ipc', connection",
    )
    render(notebook, tmp_path / "out", {})


@pytest.mark.slow
def test_a_kernel_that_does_not_start_is_said_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("rvd.workflow.notebooks.write_kernel_spec", write_dying_kernel)
    notebook = write_notebook(tmp_path / "n.ipynb", "1")
    with pytest.raises(UserError, match="Kernel died") as caught:
        render(notebook, tmp_path / "out", {})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def write_dying_kernel(folder, **_):
    folder.mkdir(parents=True)
    kernel = {"argv": [sys.executable, "-c", "1 / 0"], "display_name": "", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(kernel))


@pytest.mark.slow
def test_a_failing_cell_is_named_and_what_was_there_stays(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "before.txt").write_text("kept")
    notebook = write_notebook(tmp_path / "n.ipynb", "1 / 0")
    failure = r"cell 3 \('1 / 0'\) failed \(ZeroDivisionError: division by zero\)"
    with pytest.raises(UserError, match=failure) as caught:
        render(notebook, tmp_path / "out", {})
    assert "\n" not in str(caught.value)
    assert (tmp_path / "out" / "before.txt").read_text() == "kept"
    assert (tmp_path / "out-failed.ipynb").exists()
    write_notebook(notebook, "1 / 1")
    render(notebook, tmp_path / "out", {})
    assert not (tmp_path / "out-failed.ipynb").exists()


def test_a_missing_notebook_is_named(tmp_path):
    with pytest.raises(UserError, match="no such notebook"):
        render(tmp_path / "absent.ipynb", tmp_path / "out", {})


DATASETS = ("kth", "bair", "simulation", "cityscapes")

# The paper's first, in the order in which a notebook shows them.
FIGURES = {
    "frames": [
        *(f"figure{number}" for number in (2, 7, 8, 9)),
        *(f"frames-{dataset}" for dataset in DATASETS),
        *(f"frames-{dataset}-last" for dataset in DATASETS),
    ],
    "crps_by_frame": [
        "figure3", "inverse-crps", "crps", "psnr", "psnr_best", "ssim", "ssim_best",
    ],
    "crps_maps": ["figure4", *(f"crps-map-{dataset}" for dataset in DATASETS)],
    "calibration": [
        f"{figure}-{dataset}"
        for figure in ("rank-histogram", "spread-error", "reliability", "spectra")
        for dataset in DATASETS
    ],
    "cost_quality": [f"cost-quality-{dataset}" for dataset in DATASETS],
    "ablations": ["table2", "ablations", "ablations-by-frame"],
    "training": ["training", "optimisation", "adversaries"],
    "sampler_cost": ["sampler-cost"],
}  # fmt: skip


@pytest.fixture(scope="module")
def parameters(tmp_path_factory):
    """Results of every dataset's stand-in, as the workflow gives them to a notebook."""
    folder = tmp_path_factory.mktemp("results")
    models, seeds = ("rvd", "vd", "ivrnn", "persistence"), (0, 1)
    results = write_results(folder, DATASETS, models, seeds)
    table = folder / "ablation.csv"
    tabulate(results.scores, "ablation", Wanted(DATASETS, models, seeds), table)
    costs = folder / "costs.csv"
    costs.write_text("sampler,steps,clip,crps,seconds\nddim,5,2,3.0,1\nddim,10,,2.0,2\n")
    return {
        "samples": list(map(str, results.samples)),
        "scores": list(map(str, results.scores)),
        "curves": list(map(str, results.curves)),
        "tables": {"ablation": str(table)},
        "periods": {"simulation": 5.0},
        "costs": str(costs),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_of_the_paper_is_rendered(name, parameters, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", prefork.python())  # that of the notebook's kernel
    render(NOTEBOOKS / f"{name}.ipynb", tmp_path / name, parameters)
    made = {path.name for path in (tmp_path / name).iterdir()}
    pictures = {f"{figure}.{kind}" for figure in FIGURES[name] for kind in ("png", "svg", "pdf")}
    assert made == pictures | {f"{name}.ipynb", f"{name}.html"}
    page = (tmp_path / name / f"{name}.html").read_text()
    shown = re.findall(r"<img[^>]*>", page)
    assert len(shown) == len(FIGURES[name])
    assert all(
        'src="data:image/png;base64,' in tag and re.search('alt="[^"]+"', tag) for tag in shown
    )
    names = pictures_of(nbformat.read(tmp_path / name / f"{name}.ipynb", 4))
    assert names == [figure.replace("-", " ") for figure in FIGURES[name]]
    for figure in FIGURES[name]:
        assert png_dpi(tmp_path / name / f"{figure}.png") == 300
        assert {page_width(tmp_path / name / f"{figure}.{kind}") for kind in ("svg", "pdf")} <= {
            FULL_WIDTH,
            COLUMN_WIDTH,
        }
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(?!data:)[^"]', page)


def pictures_of(notebook):
    """Names of the pictures among the notebook's outputs, in the order in which they stand."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = [output for output in outputs if "image/png" in output.get("data", {})]
    return [output.metadata["image/png"]["alt"] for output in shown]


@pytest.mark.slow
def test_the_flow_is_validated(tmp_path):
    render(NOTEBOOKS / "flow_validation.ipynb", tmp_path / "out", {"cases": ["sound-wave"]})
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert made == {
        "flow_validation.html", "flow_validation.ipynb", "sound-wave.pdf", "sound-wave.png",
        "sound-wave.svg", "validation.csv", "validation.md",
    }  # fmt: skip


def test_every_notebook_is_rendered_by_a_test():
    others = {"simulation", "flow_validation"}  # the former as the workflow is tested
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} - others == set(FIGURES)


def test_notebooks_are_stored_without_outputs():
    notebooks = list(NOTEBOOKS.glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        for cell in nbformat.read(path, 4).cells:
            assert not cell.get("outputs"), path
            assert cell.get("execution_count") is None, path
