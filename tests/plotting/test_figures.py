import re

import numpy as np
import pytest

from rvd.errors import UserError
from rvd.evaluation.scores.scores_file import read_scores
from rvd.evaluation.tables.table_file import read_table
from rvd.evaluation.tables.tables import Wanted, tabulate
from rvd.metrics.functional.crps import crps
from rvd.models.registry import LABELS
from rvd.plotting.ablation import ablation_figure, ablation_models
from rvd.plotting.by_frame import by_frame_figure
from rvd.plotting.crps_maps import crps_maps, crps_maps_figure, error_scale
from rvd.plotting.frames import default_times, frames_figure
from rvd.plotting.sampler_cost import read_costs, sampler_cost_figure
from rvd.plotting.stored import stored_ensembles
from rvd.plotting.style import line_styles, save
from rvd.plotting.training import read_curves, training_figure
from rvd.video.pictures import error_picture, to_picture
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
    # A context frame has a picture of the truth alone.
    assert len(figure.axes[0].images) == 3 + 2 * (2 + 1)
    truth = to_picture(clip.truth, clip.info.signed)
    np.testing.assert_array_equal(figure.axes[0].images[2].get_array(), truth[6 - 4])
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


def test_a_model_without_samples_has_a_notice_in_its_place(results):
    clip = stored_ensembles(results.samples)["kth"].clip(0)
    for figure in (
        frames_figure(clip, models=["rvd", "svg-lp"]),
        crps_maps_figure(clip, models=["rvd", "svg-lp"]),
    ):
        texts = [text.get_text() for axis in figure.axes for text in axis.texts]
        assert "no samples" in texts
    with pytest.raises(UserError, match="no samples of svg-lp"):
        crps_maps_figure(clip, models=["svg-lp"])


def test_a_score_that_is_not_a_number_is_named_in_its_panel(results):
    scores = read_scores(results.scores)
    at = (scores.model == "vd") & (scores.dataset == "kth") & (scores.frame == 2)
    figure = by_frame_figure(scores.assign(value=scores.value.mask(at)))
    kth, simulation = figure.axes
    assert [text.get_text() for text in kth.texts] == ["not a number at some frames: vd"]
    assert not simulation.texts
    line = next(line for line in kth.lines if line.get_label() == "VD")
    assert np.isnan(line.get_ydata()[1])


def test_a_target_value_is_a_line(results):
    scores = read_scores(results.scores)
    calibrated = scores[scores.metric == "crps"].assign(metric="spread_skill")
    for axis in by_frame_figure(calibrated, "spread_skill").axes:
        assert [1.0, 1.0] in [list(line.get_ydata()) for line in axis.lines]


def test_the_band_spans_the_seeds(tmp_path):
    results = write_results(tmp_path, models=("rvd",), seeds=(0, 1, 2))
    scores = read_scores(results.scores)
    (panel,) = by_frame_figure(scores).axes
    (band,) = panel.collections
    crps = scores[(scores.metric == "crps") & (scores.frame == 6)].value
    heights = band.get_paths()[0].vertices
    ends = heights[heights[:, 0] == 6][:, 1]
    assert (ends.min(), ends.max()) == pytest.approx((crps.min(), crps.max()))


def test_the_ablation_shows_ours_next_to_the_published(results, tmp_path):
    wanted = Wanted(("kth", "simulation"), ("rvd", "vd"), (0,))
    tabulate(results.scores, "ablation", wanted, tmp_path / "ablation.csv")
    table = read_table(tmp_path / "ablation.csv")
    figure = ablation_figure(table)
    assert [axis.get_title("left") for axis in figure.axes] == ["KTH", "Simulation"]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    for axis, published in zip(figure.axes, ("6.10", "0.68"), strict=True):
        diamonds = {
            names[round(line.get_ydata()[0])]: line.get_xdata()[0]
            for line in axis.lines
            if line.get_marker() == "D"
        }
        assert diamonds["VD"] == float(published)
    assert ablation_models(table) == ["vd", "rvd", "ivrnn", "analogue", "persistence"]


def test_a_figure_without_data_is_a_notice(tmp_path):
    tabulate([], "ablation", Wanted(("kth",), ("rvd",), (0,)), tmp_path / "ablation.csv")
    for figure in (
        ablation_figure(read_table(tmp_path / "ablation.csv")),
        training_figure(read_curves([])),
    ):
        assert re.match("No (model|training)", figure.texts[0].get_text())


def test_long_names_of_models_stay_on_the_page(tmp_path):
    long = "a-model-whose-name-is-longer-than-any-of-ours"
    results = write_results(tmp_path, ("kth",), ("rvd", "vd", "ivrnn", "persistence", long))
    scores = read_scores(results.scores)
    figure = by_frame_figure(scores)
    (legend,) = figure.legends
    assert legend.get_window_extent().width <= figure.bbox.width
    figure = frames_figure(stored_ensembles(results.samples)["kth"].clip(0), times=[3, 4, 6])
    (name,) = (text for text in figure.axes[0].texts if text.get_text() == long)
    assert name.get_window_extent().x0 >= 0


def test_sampler_costs_are_a_line_for_each_sampler_and_bound(tmp_path):
    path = tmp_path / "costs.csv"
    rows = ["ancestral,100,2,2.0,60", "ddim,10,2,2.5,6", "ddim,5,2,3.0,3", "ddim,5,,4.0,3"]
    path.write_text("\n".join(["sampler,steps,clip,crps,seconds", *rows]))
    figure = sampler_cost_figure(read_costs(path))
    lines = {line.get_label(): list(line.get_xdata()) for line in figure.axes[0].lines}
    assert lines == {
        "ancestral, bound 2": [60],
        "DDIM, bound 2": [3, 6],
        "DDIM, no bound": [3],
    }
    path.write_text("sampler,steps\nddim,5\n")
    with pytest.raises(UserError, match="lacks the column clip, crps, seconds"):
        read_costs(path)


def luminance(pictures):
    """Return the luminance, 0 … 1, of a black-and-white print."""
    return pictures.reshape(-1, 3) @ np.array([0.2126, 0.7152, 0.0722]) / 255


def test_signs_differ_in_grey():
    values = np.array([0.0, 0.25, 0.75, 1.0], np.float32).reshape(4, 1, 1, 1)
    lowest, low, high, highest = luminance(to_picture(values, signed=True))
    assert high - low > 0.1
    assert highest - lowest > 0.2


def test_errors_grow_darker_in_grey():
    shown = luminance(error_picture(np.linspace(0, 1, 50)[:, None, None], 1.0))
    assert (np.diff(shown) < 0).all()


def test_learned_models_differ_in_grey_by_marker_or_dash():
    styles = line_styles([*LABELS, "own-1", "own-2"])
    assert len({(str(style.dash), style.marker) for style in styles.values()}) == len(styles)
    assert list(styles)[-2:] == ["own-1", "own-2"]


def test_equal_figures_are_equal_files(results, tmp_path):
    figure = training_figure(read_curves(results.curves))
    save(figure, tmp_path, "training")
    first = (tmp_path / "training.svg").read_bytes()
    save(training_figure(read_curves(results.curves)), tmp_path, "training")
    assert (tmp_path / "training.svg").read_bytes() == first
    assert (tmp_path / "training.png").stat().st_size > 1000


def test_missing_scores_and_columns_are_reported(results, tmp_path):
    figure = by_frame_figure(read_scores(results.scores), "fvd")
    assert figure.texts[0].get_text() == "There are no scores of FVD by frame."
    (tmp_path / "curve.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no column step"):
        read_curves([tmp_path / "curve.csv"])
