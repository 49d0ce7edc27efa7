"""Tables 1 and 2: the published numbers, and ours next to them."""

import math

import numpy as np
import pandas as pd
import pytest

from rvd.errors import UserError
from rvd.evaluation.tables.table_file import read_table
from rvd.evaluation.tables.tables import Wanted, published, tabulate
from rvd.evaluation.tables.terminal import format_table
from tests.ensembles import write_results

DEMO = Wanted(["simulation"], ["rvd", "vd", "ivrnn", "persistence", "analogue"], [0])


def cell(table, model, metric, dataset="simulation"):
    found = table[
        (table["model"] == model) & (table["metric"] == metric) & (table["dataset"] == dataset)
    ]
    assert len(found) == 1, f"{len(found)} rows of {metric} for {model} on {dataset}"
    return found.iloc[0]


def test_published_numbers_are_those_the_paper_prints_in_bold():
    table1, ablation = published("table1"), published("ablation")
    assert len(table1) == 6 * 12
    assert len(ablation) == 5 * 12
    assert table1["rvd", "simulation", "crps"] == "0.58"
    assert table1["rvd", "kth", "fvd"] == "1351"
    assert table1["future-gan", "cityscapes", "crps"] == "29.31"
    assert ablation["vd", "kth", "crps"] == "6.10"
    assert ablation["ivrnn-4+4", "cityscapes", "fvd"] == "3145"
    # Table 1, bold: RVD is best in FVD everywhere, IVRNN in CRPS on KTH and BAIR.
    for dataset in ("kth", "bair", "simulation", "cityscapes"):
        column = {m: float(v) for (m, d, k), v in table1.items() if (d, k) == (dataset, "fvd")}
        assert min(column, key=column.get) == "rvd"
    for dataset in ("kth", "bair"):
        column = {m: float(v) for (m, d, k), v in table1.items() if (d, k) == (dataset, "crps")}
        assert min(column, key=column.get) == "ivrnn"


def test_the_models_of_both_tables_have_the_same_scores_except_for_rounding():
    table1, ablation = published("table1"), published("ablation")
    for key in table1.keys() & ablation.keys():
        assert float(ablation[key]) == pytest.approx(float(table1[key]), abs=0.0061), key


def test_ours_is_the_mean_over_seeds_with_its_standard_error(tmp_path):
    seeds = (0, 1, 2)
    results = write_results(tmp_path, models=("rvd",), seeds=seeds)
    wanted = Wanted(["simulation"], ["rvd"], seeds)
    row = cell(tabulate(results.scores, "table1", wanted, tmp_path / "t.csv"), "rvd", "crps")
    each = [
        pd.read_csv(path).query("metric == 'crps' and frame.notna()")["value"].mean()
        for path in results.scores
    ]
    assert row["ours"] == pytest.approx(np.mean(each))
    assert row["standard error"] == pytest.approx(np.std(each, ddof=1) / math.sqrt(3))
    assert row["seeds"] == 3
    assert row["ratio"] == pytest.approx(np.mean(each) / 0.58)


def test_every_cell_of_the_paper_has_a_row_with_its_reason(tmp_path):
    results = write_results(tmp_path, models=("rvd", "persistence"))
    wanted = Wanted(["simulation"], ["rvd", "ivrnn", "persistence"], [0])
    table = tabulate(results.scores, "table1", wanted, tmp_path / "t.csv")
    keys = set(zip(table["model"], table["dataset"], table["metric"], strict=True))
    assert published("table1").keys() <= keys
    assert cell(table, "rvd", "crps", "kth")["note"] == "not in this run"
    assert cell(table, "svg-lp", "crps")["note"] == "not in this run"
    assert cell(table, "ivrnn", "crps")["note"] == "no scores yet"
    assert cell(table, "rvd", "fvd")["note"] == "not computed: fvd"
    assert cell(table, "persistence", "crps")["ours"] > cell(table, "rvd", "crps")["ours"]
    assert pd.isna(cell(table, "persistence", "crps")["published"])
    # A cell has either a number or a reason.
    assert (table["ours"].isna() == (table["note"] != "")).all()


def test_the_ablation_has_its_own_models_and_those_the_paper_lacks(tmp_path):
    results = write_results(tmp_path, models=("rvd", "vd", "svg-lp", "analogue"))
    table = tabulate(results.scores, "ablation", DEMO, tmp_path / "t.csv")
    assert set(table["model"]) == {
        *("vd", "rvd", "rvd-2+3", "ivrnn", "ivrnn-4+4"),
        *("analogue", "persistence"),
    }


def test_without_scores_the_table_is_the_paper_s(tmp_path):
    table = tabulate([], "table1", DEMO, tmp_path / "t.csv")
    assert table["ours"].isna().all()
    assert "No scores yet" in format_table(tmp_path / "t.csv")


def test_a_score_that_is_not_a_number_is_named_not_averaged(tmp_path):
    results = write_results(tmp_path, models=("rvd",), seeds=(0, 1))
    rewrite(results.scores[1], lambda t: t.assign(value=t["value"].where(t["metric"] != "crps")))
    wanted = Wanted(["simulation"], ["rvd"], [0, 1])
    row = cell(tabulate(results.scores, "table1", wanted, tmp_path / "t.csv"), "rvd", "crps")
    assert pd.isna(row["ours"])
    assert row["note"] == "not a number at seed 1"


def test_a_seed_without_scores_is_named(tmp_path):
    results = write_results(tmp_path, models=("rvd",), seeds=(0, 1))
    wanted = Wanted(["simulation"], ["rvd"], [0, 1, 2])
    row = cell(tabulate(results.scores, "table1", wanted, tmp_path / "t.csv"), "rvd", "crps")
    assert row["seeds"] == 2
    assert row["note"] == "without seed 2"


def test_a_model_with_seeds_of_its_own_misses_no_others(tmp_path):
    results = write_results(tmp_path, models=("rvd",), seeds=(0, 1))
    wanted = Wanted(["simulation"], ["rvd"], [0, 1, 2], {"rvd": [0, 1]})
    row = cell(tabulate(results.scores, "table1", wanted, tmp_path / "t.csv"), "rvd", "crps")
    assert row["seeds"] == 2
    assert row["note"] == ""


def rewrite(path, change):
    change(pd.read_csv(path)).to_csv(path, index=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="frame"), "lacks the column frame"),
        (lambda t: t.iloc[:0], "holds no scores"),
        (lambda t: t.assign(value="good"), "column value holds something not a number"),
        (lambda t: t.assign(videos=7), "vd .* was scored on 2 clips, rvd .* on 7"),
        (lambda t: pd.concat([t, t]), "given twice"),
    ],
)
def test_faulty_scores_are_refused_in_one_line(tmp_path, change, message):
    results = write_results(tmp_path, models=("rvd", "vd"))
    rewrite(results.scores[0], change)
    with pytest.raises(UserError, match=message) as error:
        tabulate(results.scores, "table1", DEMO, tmp_path / "t.csv")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "t.csv").exists()


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x00\xff\xfe", None])
def test_foreign_files_are_refused_by_name(tmp_path, content):
    path = tmp_path / "scores.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"scores\.csv: "):
        tabulate([path], "table1", DEMO, tmp_path / "t.csv")


def test_the_terminal_shows_ours_next_to_the_published_and_marks_the_best(tmp_path):
    results = write_results(tmp_path)
    tabulate(results.scores, "table1", DEMO, tmp_path / "t.csv")
    text = format_table(tmp_path / "t.csv")
    ours = cell(read_table(tmp_path / "t.csv"), "rvd", "crps")["ours"]
    line = next(line for line in text.splitlines() if line.strip().startswith("RVD"))
    assert f"{ours:.2f}* (0.58)" in line
    assert "Simulation: not computed FVD, LPIPS (RVD, IVRNN, Analogue, Persistence)" in text
    assert "KTH, BAIR, Cityscapes: not in this run" in text
    assert max(map(len, text.splitlines())) <= 120


def test_markdown_and_latex_are_written_next_to_the_csv(tmp_path):
    results = write_results(tmp_path, seeds=(0, 1))
    wanted = Wanted(DEMO.datasets, DEMO.models, [0, 1])
    tabulate(results.scores, "table1", wanted, tmp_path / "t.csv", budget="500 steps, N = 100")
    markdown = (tmp_path / "t.md").read_text()
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table[:8]}) == 1
    rvd = next(line for line in table if line.startswith("| RVD |"))
    assert "**" in rvd
    assert "(0.58, ×" in rvd
    assert "±" in rvd
    assert "4 context and 6 future frames" in markdown
    assert "500 steps, N = 100" in markdown
    latex = (tmp_path / "t.tex").read_text()
    assert r"\textbf{" in latex
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 2
    assert latex.count("{") == latex.count("}")
    assert not set("±×↓μ–") & set(latex)


def test_models_of_the_user_appear_in_both_tables(tmp_path):
    results = write_results(tmp_path, models=("rvd", "my_model"))
    wanted = Wanted(["simulation"], ["rvd", "my_model"], [0])
    for name in ("table1", "ablation"):
        table = tabulate(results.scores, name, wanted, tmp_path / f"{name}.csv")
        assert cell(table, "my_model", "crps")["ours"] > 0
        assert r"my\_model" in (tmp_path / f"{name}.tex").read_text()
