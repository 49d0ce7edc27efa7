"""The metrics' entries, and the one file and one line that a new metric needs."""

import subprocess
import sys
from pkgutil import resolve_name
from typing import get_args

import pandas as pd
import pytest

from rvd.experiment.evaluation import EvaluationConfig
from rvd.metrics import registry
from rvd.metrics.entry import ScoreSettings

# A metric in a file of its own, as a contributor would write it.
NEW_METRIC = """
import numpy as np

from rvd.metrics.entry import MetricEntry
from rvd.metrics.labels import ScoreLabel
from rvd.metrics.means import FrameMeans


def absolute_bias(ensemble):
    def values(clip):
        return [np.abs(clip.samples.mean(0) - clip.truth).mean((1, 2, 3))]

    return FrameMeans({"bias": "absolute error of the mean"}, ensemble.shape, values)


ENTRIES = (
    MetricEntry(
        name="bias",
        scores={"bias": ScoreLabel("Bias", 4, "of white")},
        build=absolute_bias,
        why_not=lambda ensemble: None if ensemble.signed else "needs signed frames",
        networks=lambda settings: ("bias-net",),
        fetchers={"bias-net": "new_metric:fetch"},
    ),
)
"""

# The registry reads the families' entries once, so this stands for the new metric's line in it.
USE_IT = """
import sys
from pathlib import Path

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
import new_metric
from rvd.metrics import flow

flow.ENTRIES += new_metric.ENTRIES

from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.evaluation.scores.scoring import score
from rvd.evaluation.scores.settings import settings_for
from rvd.evaluation.tables.tables import Wanted, tabulate
from rvd.evaluation.tables.terminal import format_table
from rvd.metrics.base import EnsembleShape
from rvd.metrics.registry import FETCHERS
from rvd.workflow.plan import Plan
from tests.ensembles import write_samples
from tests.tiny import experiment

evaluation = {"context": 2, "clips": 2, "ensemble": 3, "metrics": ["crps", "bias"]}
described = experiment(evaluation=evaluation)
write_samples(folder / "s.h5", "simulation", "rvd", 0, EnsembleShape(2, 3, 2, 3, (16, 16, 1)))
with EnsembleFile(folder / "s.h5") as file:
    score(file, settings_for(described, file, None), folder / "scores.csv")
wanted = Wanted(["simulation"], ["rvd"], [0])
tabulate([folder / "scores.csv"], "table1", wanted, folder / "table.csv")
print(format_table(folder / "table.csv"))
print(Plan(described).weights(), FETCHERS["bias-net"])
"""


def run(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_new_metric_is_one_file_and_one_line(tmp_path):
    """It is accepted by the config, scored, labelled, tabulated, and its weights are planned."""
    (tmp_path / "new_metric.py").write_text(NEW_METRIC)
    printed = run(USE_IT, tmp_path)
    scores = (tmp_path / "scores.csv").read_text()
    assert "simulation,rvd,0,bias,3," in scores
    assert "2 context and 3 future frames; absolute error of the mean" in scores
    assert "Bias ↓" in printed
    assert "['data/weights/bias-net.safetensors'] new_metric:fetch" in printed
    assert "| Bias ↓ Simulation |" in (tmp_path / "table.md").read_text()


@pytest.mark.parametrize("module", ["rvd.experiment", "rvd.metrics.registry", "rvd.workflow.plan"])
def test_reading_a_config_imports_nothing_that_computes(module):
    heavy = {"torch", "numba", "torchmetrics", "lpips", "pandas", "h5py"}
    found = run(f"import sys, {module}; print(*sys.modules)").split()
    assert not heavy & set(found)


def test_names_of_metrics_and_scores_are_unique():
    metrics = [entry.name for entry in registry.ENTRIES]
    scores = [name for entry in registry.ENTRIES for name in entry.scores]
    assert len({*metrics}) == len(metrics)
    assert len({*scores}) == len(scores)


def test_the_config_accepts_the_metrics_of_the_registry():
    (annotation, _) = get_args(EvaluationConfig.model_fields["metrics"].annotation)
    assert get_args(annotation) == tuple(registry.METRICS)


def test_the_paper_s_metrics_are_in_the_order_of_its_columns():
    assert registry.PAPER_METRICS == ("fvd", "lpips", "crps")


@pytest.mark.parametrize(
    ("score", "arrow", "best"),
    [("crps", "CRPS ↓", 0.2), ("psnr", "PSNR ↑", 3.0), ("spread_skill", "spread / error → 1", 0.9)],
)
def test_the_best_is_the_lowest_the_highest_or_the_nearest_to_the_target(score, arrow, best):
    label = registry.score_label(score)
    assert label.arrow == arrow
    assert label.best(pd.Series([3.0, 0.2, 0.9])) == best


def test_a_score_without_an_entry_is_labelled_by_its_name():
    label = registry.score_label("sharpness_of_edges")
    assert (label.label, label.higher_is_better) == ("sharpness of edges", False)


@pytest.mark.parametrize("network", ["alex", "vgg"])
def test_each_network_that_is_needed_can_be_downloaded(network):
    settings = ScoreSettings(tuple(registry.METRICS), lpips_network=network)
    needed = registry.weights_needed(settings)
    assert needed == ["i3d", f"lpips-{network}"]
    assert all(callable(resolve_name(registry.FETCHERS[name])) for name in needed)
    assert registry.weights_needed(ScoreSettings(("crps", "ssim"))) == []
