import numpy as np
import pytest

from rvd.errors import UserError
from rvd.evaluation.crps import crps
from rvd.evaluation.scores_file import read_scores
from rvd.plotting.by_frame import by_frame_figure
from rvd.plotting.crps_maps import crps_maps, error_scale
from rvd.plotting.frames import default_times, frames_figure
from rvd.plotting.stored import stored_ensembles
from rvd.plotting.style import save
from rvd.plotting.training import read_curves, training_figure
from rvd.video.pictures import to_picture
from tests.ensembles import write_results


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("results"), datasets=("kth", "simulation"))


def test_zero_of_signed_frames_is_the_lightest_and_signs_differ():
    values = to_picture(np.array([0.0, 0.5, 1.0], np.float32).reshape(3, 1, 1, 1), signed=True)
    negative, zero, positive = values.reshape(3, 3).astype(int)
    assert zero.min() > 240
    assert negative[2] > negative[0]
    assert positive[0] > positive[2]


def test_lines_hold_the_scores(results):
    scores = read_scores(results.scores)
    figure = by_frame_figure(scores, inverse=True)
    panel = figure.axes[0]
    line = next(line for line in panel.lines if line.get_label() == "RVD")
    own = scores[
        (scores.dataset == scores.dataset.iloc[0])
        & (scores.model == "rvd")
        & (scores.metric == "crps")
        & scores.frame.notna()
    ]
    np.testing.assert_allclose(line.get_ydata(), 1 / own.sort_values("frame").value)


def test_a_period_within_the_horizon_is_marked(results):
    scores = read_scores(results.scores)
    marked = by_frame_figure(scores, periods={"simulation": 4.0})
    lines = [len(axis.lines) for axis in marked.axes]
    assert sorted(lines)[1] == sorted(lines)[0] + 1


def test_frames_figure_has_a_row_for_each_distinct_member(results):
    clip = stored_ensembles(results.samples)["kth"].clip(0)
    figure = frames_figure(clip, times=[3, 4, 6], members=2, models=["rvd", "persistence"])
    assert len(figure.axes) == 3 * (1 + 2 + 1)
    with pytest.raises(ValueError, match="not all within"):
        frames_figure(clip, times=[99])


def test_default_times():
    assert default_times(4, 16) == [3, 4, 6, 8, 10, 13, 15, 17, 19]
    assert default_times(2, 3) == [1, 2, 3, 4]


def test_maps_are_crps_on_grey_levels(results):
    clip = stored_ensembles(results.samples)["kth"].clip(0)
    expected = crps(clip.members["rvd"].astype(float), clip.truth.astype(float)).mean(-1)
    np.testing.assert_allclose(crps_maps(clip, "rvd"), expected, rtol=1e-4, atol=1e-4)


def test_copying_the_last_frame_does_not_set_the_scale_of_the_maps():
    rng = np.random.default_rng(0)
    maps = {"rvd": rng.random((8, 8)), "vd": 3 * rng.random((8, 8)), "persistence": np.ones((8, 8))}
    maps["persistence"] *= 99
    assert error_scale(maps) == np.percentile(maps["vd"], 99)
    assert error_scale({"persistence": maps["persistence"]}) == 99


def test_saved_as_png_and_svg_alike_each_time(results, tmp_path):
    figure = training_figure(read_curves(results.curves))
    save(figure, tmp_path, "training")
    first = (tmp_path / "training.svg").read_bytes()
    save(training_figure(read_curves(results.curves)), tmp_path, "training")
    assert (tmp_path / "training.svg").read_bytes() == first
    assert (tmp_path / "training.png").stat().st_size > 1000


def test_what_is_missing_is_said(results, tmp_path):
    with pytest.raises(UserError, match="hold no fvd by frame"):
        by_frame_figure(read_scores(results.scores), "fvd")
    (tmp_path / "curve.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no column step"):
        read_curves([tmp_path / "curve.csv"])
