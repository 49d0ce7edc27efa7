"""Figures of calibration and spectra: what they show of ensembles with known statistics."""

import numpy as np
import pytest

from rvd.metrics.base import EnsembleShape
from rvd.metrics.functional.exceedance import exceedance_counts, reliability_curve
from rvd.metrics.functional.spectrum import log_spectrum
from rvd.plotting.calibration.ranks import rank_histogram_figure
from rvd.plotting.calibration.reliability import reliability_figure
from rvd.plotting.calibration.spectra import spectra_figure
from rvd.plotting.calibration.spread import spread_error_figure
from rvd.plotting.calibration.statistics import ensemble_statistics
from rvd.plotting.stored import stored_ensembles
from rvd.plotting.style import FULL_WIDTH
from tests.ensembles import write_results, write_samples

FIGURES = (rank_histogram_figure, spread_error_figure, reliability_figure, spectra_figure)


@pytest.fixture(scope="module", params=["simulation", "bair"])
def stored(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    models = ("rvd", "vd", "persistence")
    results = write_results(folder, (request.param,), models, clips=3, ensemble=4)
    return stored_ensembles(results.samples)[request.param]


@pytest.fixture(scope="module")
def statistics(stored):
    return ensemble_statistics(stored)


def line(axis, label):
    return next(line for line in axis.lines if line.get_label() == label)


def test_statistics_are_those_of_the_stored_frames(stored, statistics):
    assert list(statistics.models) == ["rvd", "vd", "persistence"]
    assert list(statistics.stochastic) == ["rvd", "vd"]
    clips = [stored.clip(index) for index in range(3)]
    scale = 255 if clips[0].truth.dtype == np.float32 else 1
    found = statistics.models["rvd"]
    members = [clip.members["rvd"].astype(float) * scale for clip in clips]
    error = [
        np.square(own.mean(0) - c.truth.astype(float) * scale)
        for own, c in zip(members, clips, strict=True)
    ]
    np.testing.assert_allclose(found.error, np.mean(error, (0, 2, 3, 4)), rtol=1e-5)
    variance = np.mean([own.var(0, ddof=1) for own in members], (0, 2, 3, 4))
    np.testing.assert_allclose(found.variance, variance, rtol=1e-5)
    assert (found.ranks.sum(1) == found.counts.sum((2, 3))).all()
    spectra = [log_spectrum(clip.truth * scale, 255.0).mean(1) for clip in clips]
    np.testing.assert_allclose(statistics.spectra, spectra, rtol=1e-4)
    of_members = [log_spectrum(member, 255.0).mean(1) for own in members for member in own]
    np.testing.assert_allclose(found.spectrum, np.mean(of_members, 0), rtol=1e-4)


def test_a_few_clips_are_spread_over_the_file(stored):
    few = ensemble_statistics(stored, most_clips=2)
    whole = ensemble_statistics(stored)
    assert (few.clips, whole.clips) == (2, 3)
    np.testing.assert_array_equal(few.spectra, whole.spectra[[0, 1]])


def test_ranks_and_spread_have_a_panel_for_each_model_whose_members_differ(statistics):
    for plot in (rank_histogram_figure, spread_error_figure):
        figure = plot(statistics)
        assert [axis.get_title("left") for axis in figure.axes] == ["RVD", "VD"]
        assert figure.get_figwidth() == FULL_WIDTH
    bars = rank_histogram_figure(statistics).axes[1].containers[0]
    ranks = statistics.models["vd"].ranks.sum(0)
    np.testing.assert_allclose([bar.get_height() for bar in bars], 5 * ranks / ranks.sum())


def test_spread_and_error_are_lines_and_their_ratio_is_the_score(statistics):
    found, axis = statistics.models["rvd"], spread_error_figure(statistics).axes[0]
    np.testing.assert_allclose(line(axis, "error").get_ydata(), np.sqrt(found.error))
    spread = np.sqrt(1.25 * found.variance)
    np.testing.assert_allclose(axis.lines[1].get_ydata(), spread)
    ratio = np.sqrt(np.square(spread).sum() / found.error.sum())
    assert [text.get_text() for text in axis.texts] == [f"{ratio:.2f}"]


def test_reliability_has_the_curve_of_each_model_and_threshold(stored):
    statistics = ensemble_statistics(stored, thresholds=(100.0, 150.0, 200.0))
    figure = reliability_figure(statistics)
    assert len(figure.axes) == 6
    clips = [stored.clip(index) for index in range(3)]
    level = 200 / (255 if clips[0].truth.dtype == np.float32 else 1)
    counts = sum(exceedance_counts(clip.members["vd"], clip.truth, [level]) for clip in clips)
    curve = reliability_curve(counts.sum(1)[0])
    some = np.isfinite(curve.frequency)
    np.testing.assert_allclose(line(figure.axes[2], "VD").get_ydata(), curve.frequency[some])
    np.testing.assert_allclose(line(figure.axes[5], "VD").get_ydata(), curve.share[some])


def test_spectra_have_the_truth_and_each_model_at_the_first_and_last_frame(statistics):
    figure = spectra_figure(statistics)
    titles = [axis.get_title("left") for axis in figure.axes]
    assert titles == ["future frame 1", "future frame 6"]
    for axis, frame in zip(figure.axes, (0, -1), strict=True):
        truth = statistics.spectra[:, frame].mean(0)
        np.testing.assert_allclose(line(axis, "Truth").get_ydata(), truth)
        assert [each.get_label() for each in axis.lines[1:]] == ["RVD", "VD", "Persistence"]


@pytest.mark.parametrize("members", [1, 3])
def test_deterministic_models_alone_have_a_notice(tmp_path, members):
    shape = EnsembleShape(1, members, 4, 1, (16, 16, 1))
    write_samples(tmp_path / "s.h5", "simulation", "persistence", 0, shape)
    found = ensemble_statistics(stored_ensembles([tmp_path / "s.h5"])["simulation"])
    assert not found.stochastic
    assert (found.models["persistence"].variance == 0).all()
    for plot in (rank_histogram_figure, spread_error_figure):
        assert "no model has members that differ" in plot(found).texts[0].get_text()
    for plot in (reliability_figure, spectra_figure):
        assert plot(found).axes
