"""Scores against the seconds of the forecasts."""

import h5py
import numpy as np
import pandas as pd
import pytest

from rvd.evaluation.scores.scores_file import one_value, read_scores
from rvd.plotting.cost_quality import cost_quality_figure, costs_and_scores, front
from tests.ensembles import write_results


def points(**models):
    """A table of one score, from each model's seconds and value."""
    rows = [(*pair, 0.1) for pair in models.values()]
    table = pd.DataFrame(rows, columns=["seconds", "value", "error"])
    return table.assign(dataset="kth", metric="crps", model=list(models))


def test_the_front_has_what_nothing_undercuts():
    table = points(a=(1, 5.0), b=(2, 6.0), c=(2, 3.0), d=(4, 3.0), e=(8, 2.0))
    assert list(front(table).model) == ["a", "c", "e"]


def test_seconds_and_scores_are_means_over_seeds(tmp_path):
    results = write_results(tmp_path, ("kth",), ("rvd", "persistence"), (0, 1))
    for path in results.samples:
        with h5py.File(path, "a") as file:
            file.attrs["seconds"] = 6.0 if file.attrs["seed"] else 2.0
            clips = len(file["samples"])
    scores = read_scores(results.scores)
    found = costs_and_scores(results.samples, scores).set_index(["model", "metric"])
    assert set(found.seconds) == {4.0 / clips}
    values = one_value(scores).query("model == 'rvd' and metric == 'crps'").value
    assert found.value["rvd", "crps"] == pytest.approx(values.mean())
    assert found.error["rvd", "crps"] == pytest.approx(values.std() / np.sqrt(2))
    # Scores of which more is better have no place on the axis.
    assert "psnr" not in found.index.get_level_values("metric")


def test_each_model_is_a_named_point():
    table = points(rvd=(2, 3.0), analogue=(1, 5.0), mine=(2, 3.0))
    (axis,) = cost_quality_figure(table, "kth").axes
    assert {text.get_text() for text in axis.texts} == {"RVD", "Analogue", "mine"}
    line = axis.lines[0]
    assert list(zip(line.get_xdata(), line.get_ydata(), strict=True)) == [(1, 5.0), (2, 3.0)]


def test_names_beside_equal_points_do_not_cover_each_other():
    table = points(**{f"model-{index}": (2, 3.0) for index in range(6)})
    figure = cost_quality_figure(table, "kth")
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_nothing_scored_is_said():
    figure = cost_quality_figure(points(), "kth")
    assert figure.texts[0].get_text().startswith("No scored forecasts of")
